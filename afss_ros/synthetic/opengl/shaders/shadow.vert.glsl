#version 330
uniform mat4 model;
uniform mat4 to_shadow;
in vec3 in_position;
void main() {
    gl_Position = to_shadow * (model * vec4(in_position, 1.0));
    gl_Position.z = max(gl_Position.z, -1.0);   // another craft casts its shadow from any distance
}
