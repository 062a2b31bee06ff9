#version 330
uniform mat4 model;
uniform mat4 projection;
uniform mat4 to_shadow;
in vec3 in_position;
in vec3 in_normal;
in vec2 in_uv;
in vec3 in_tag;
out vec3 position;
out vec3 normal;
out vec2 uv;
out vec4 shadow_position;
out vec3 local;
flat out int material;
flat out int part;
flat out int component;

void main() {
    vec4 world = model * vec4(in_position, 1.0);
    position = world.xyz;
    local = in_position;
    normal = mat3(model) * in_normal;
    uv = in_uv;
    shadow_position = to_shadow * world;
    material = int(in_tag.x + 0.5);
    part = int(in_tag.y + 0.5);
    component = int(in_tag.z + 0.5);
    gl_Position = projection * world;
}
