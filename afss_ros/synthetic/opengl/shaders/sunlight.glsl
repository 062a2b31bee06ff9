uniform sampler2DShadow shadow_map;
uniform vec3 sun;
in vec4 shadow_position;

// The share of the Sun that reaches a point whose surface has normal n.
float lit(vec3 n) {
    vec3 p = shadow_position.xyz / shadow_position.w * 0.5 + 0.5;
    float slope = clamp(1.0 - dot(n, sun), 0.0, 1.0);
    p.z -= 0.0015 + 0.004 * slope;
    return texture(shadow_map, p);
}

