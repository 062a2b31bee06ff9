uniform int instance;
in vec3 normal;
flat in int part;
flat in int component;
layout(location = 0) out vec4 ids;
void main() {
    vec3 n = normalize(gl_FrontFacing ? normal : -normal);
    float height = dot(n, sun);
    // What the Sun grazes is hardly lit: from six degrees on it counts in full.
    float sunlit = height > 0.0 ? lit(n) * min(10.0 * height, 1.0) : 0.0;
    ids = vec4(vec3(float(part), float(instance), float(component)) / 255.0, sunlit);
}
