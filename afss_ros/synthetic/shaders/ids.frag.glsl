#version 330
uniform int instance;
flat in int part;
layout(location = 0) out vec2 ids;
void main() {
    ids = vec2(float(part), float(part > 0 ? instance : 0)) / 255.0;
}
