#version 330
uniform int instance;
flat in int part;
layout(location = 0) out vec2 ids;
void main() {
    ids = vec2(float(part), float(instance)) / 255.0;
}
