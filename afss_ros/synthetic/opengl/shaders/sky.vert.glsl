#version 330
uniform vec2 tangent;   // tan of half the field of view, (x, y)
in vec2 in_corner;
out vec3 ray;
out vec2 screen;
void main() {
    ray = vec3(in_corner * tangent, -1.0);
    screen = in_corner;
    gl_Position = vec4(in_corner, 0.0, 1.0);
}
