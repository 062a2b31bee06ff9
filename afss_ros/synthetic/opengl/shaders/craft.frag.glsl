// Compiled once for every PATTERN of materials.py: software GL runs both sides of every branch.
const int pattern = PATTERN;
uniform sampler2D materials;
uniform sampler2D noise;
uniform sampler2D crumple;
uniform vec3 sun_color;
uniform vec3 planet_direction;
uniform float planet_cosine;   // cosine of its angular radius; 2 when there is none
uniform vec3 planet_color;     // mean radiance of the lit part, zero when dark
uniform vec3 ambient;
uniform vec3 fill;             // an artist's soft second light
uniform vec3 fill_direction;
in vec3 position;
in vec3 normal;
in vec2 uv;
in vec3 local;
flat in int material;
flat in int part;
layout(location = 0) out vec4 color;

const float PI = 3.14159265;

float hash(vec2 p) {
    vec3 q = fract(vec3(p.xyx) * 0.1031);
    q += dot(q, q.yzx + 33.33);
    return fract((q.x + q.y) * q.z);
}

// Coverage of grid lines of relative width w around integers of x, fading to its mean when finer than a pixel.
float grid(float x, float w) {
    float f = fwidth(x);
    float d = abs(fract(x + 0.5) - 0.5);
    float sharp = clamp((0.5 * w - d) / max(f, 1e-5) + 0.5, 0.0, 1.0);
    return mix(sharp, w, clamp(f * 1.6 - 0.4, 0.0, 1.0));
}

// Radiance that arrives from direction r: the planet's disc, blurred by roughness, before a faint sky.
vec3 environment(vec3 r, float roughness) {
    float edge = 0.02 + 0.6 * roughness;
    float inside = smoothstep(planet_cosine - edge, planet_cosine + edge, dot(r, planet_direction));
    float phase = clamp(0.55 + 0.6 * dot(-r, sun) , 0.1, 1.0);
    return planet_color * inside * phase + ambient * (0.6 + 0.5 * r.y) + fill * smoothstep(0.3, 0.9, dot(r, fill_direction));
}

void main() {
    vec4 m0 = texelFetch(materials, ivec2(0, material), 0);
    vec4 m1 = texelFetch(materials, ivec2(1, material), 0);
    vec4 m2 = texelFetch(materials, ivec2(2, material), 0);
    vec4 m3 = texelFetch(materials, ivec2(3, material), 0);
    vec3 base = m0.rgb;
    vec3 second = m1.rgb;
    float roughness = m1.a;
    float metallic = m2.a;
    float line = m2.z;
    vec2 g = uv / m2.xy;
    float seed = m3.z;
    float glow = m3.w;

    vec4 rough_noise = texture(noise, uv / m3.y + seed);
    vec4 fine_noise = texture(noise, uv * 3.7 / m3.y + seed * 1.7);
    float height = 0.0;
    if (pattern == 1) {            // foil: creases
        vec2 seams = uv / (m3.y * 1.3) + 0.17;
        base *= 0.8 + 0.35 * rough_noise.r;
        base *= 0.85 + 0.25 * hash(floor(seams) + seed);
        base = mix(base, base * 0.45, max(grid(seams.x + 0.5, 0.025), grid(seams.y + 0.5, 0.025)));
    } else if (pattern == 2 || pattern >= 11) {   // solar cells, in strings, of cropped wafers, or in gores
        if (pattern == 13) g = vec2(atan(uv.y, uv.x) / m2.x, length(uv) / m2.y);
        vec2 cell = floor(g + 0.5);
        float lines = max(grid(g.x, line), grid(g.y, line));
        if (pattern == 11) {       // wider gaps between strings
            float many = 2.0 + floor(6.0 * hash(vec2(seed, 0.3)));
            lines = max(lines, grid(g.x / many, line * 0.6));
            base *= 0.85 + 0.3 * hash(vec2(floor(g.x / many + 0.5), seed));
        }
        if (pattern == 12) {       // white diamonds where four cropped corners meet
            vec2 corner = abs(fract(g + 0.5) - 0.5);
            float f = max(fwidth(g.x), fwidth(g.y));
            float diamond = clamp((0.22 - corner.x - corner.y) / max(f, 1e-4) + 0.5, 0.0, 1.0);
            lines = max(lines, mix(diamond, 0.1, clamp(f * 1.6 - 0.4, 0.0, 1.0)));
        }
        float bus = max(grid(g.x * 3.0 + 0.5, line * 0.8), grid(g.y * 10.0, 0.1) * 0.4) * 0.3;
        base *= 0.8 + 0.45 * hash(cell + seed);
        base = mix(base, second, max(lines, pattern == 2 ? bus : 0.0));
        roughness = mix(roughness, 0.6, lines);
    } else if (pattern == 3) {     // plates with seams
        vec2 plate = floor(g + 0.5);
        float lines = max(grid(g.x, line), grid(g.y, line));
        base *= 0.82 + 0.3 * hash(plate + seed);
        base = mix(base, second, lines);
    } else if (pattern == 4) {     // hexagons
        vec2 s = vec2(1.0, 1.7320508);
        vec2 a = mod(g, s) - s * 0.5;
        vec2 b = mod(g - s * 0.5, s) - s * 0.5;
        vec2 h = dot(a, a) < dot(b, b) ? a : b;
        vec2 id = g - h;
        h = abs(h);
        float d = 0.5 - max(dot(h, s * 0.5), h.x);
        base *= 0.6 + 0.7 * hash(floor(id * 7.0) + seed);
        base = mix(second, base, smoothstep(line * 0.3, line * 0.3 + fwidth(g.x) + 0.01, d));
    } else if (pattern == 5) {     // stripes
        base = mix(base, second, smoothstep(-0.02, 0.02, fract(g.x) - line));
    } else if (pattern == 6) {     // a frame with diagonals, as on the back of an array
        float lines = max(max(grid(g.x, line), grid(g.y, line)), max(grid(g.x + g.y, line * 0.7), grid(g.x - g.y, line * 0.7)));
        base = mix(base, second, lines);
    } else if (pattern == 7) {     // blocks of two colours: flags, words, emblems
        vec2 block = floor(g);
        base = mix(base, second, step(0.55, hash(block + seed)));
    } else if (pattern == 8) {     // ribs
        base = mix(base, second, grid(g.x, line));
        height = 0.2 * grid(g.x, 0.5);
    } else if (pattern == 9) {     // a folded blanket of cells
        float lines = max(grid(g.x, line), grid(g.y, line * 0.6));
        base *= 0.85 + 0.3 * hash(vec2(floor(g.y + 0.5), seed));
        base = mix(base, second, lines);
        height = abs(fract(g.y) - 0.5) * 0.35;
    }
    else if (pattern == 10) {      // a face crowded with equipment: blocks within blocks, some shiny
        float level = 0.5;
        vec2 p = g;
        for (int i = 0; i < 3; i++) {
            vec2 block = floor(p);
            vec2 inside = fract(p);
            float pick = hash(block + seed + float(i) * 7.0);
            vec2 margin = vec2(0.08 + 0.3 * hash(block + 3.1), 0.08 + 0.3 * hash(block + 5.7));
            vec2 edge = step(margin, inside) * step(margin, 1.0 - inside);
            if (edge.x * edge.y > 0.5 && pick > 0.3) {
                level = pick;
                base = mix(base, pick > 0.72 ? second : base * (0.35 + 1.3 * pick), 0.85);
                metallic = pick > 0.85 ? 0.8 : metallic;
                height += 0.4 * pick;
            }
            p = p * 2.7 + 0.37;
        }
    }
    base *= 0.9 + 0.2 * fine_noise.g;
    height += 0.12 * rough_noise.r;

    vec3 n = normalize(gl_FrontFacing ? normal : -normal);
    vec3 geometric = n;
    vec3 v = normalize(-position);
    if (pattern == 1) {
        vec4 facets = texture(crumple, uv / (m3.y * 2.2) + seed) * 2.0 - 1.0;
        vec2 tilt = (facets.rg + 0.6 * texture(crumple, uv / m3.y + seed).ba * 1.2 - 0.36) * m3.x;
        vec3 along = dFdx(position) * dFdy(uv.y) - dFdy(position) * dFdx(uv.y);
        along -= n * dot(n, along);
        if (dot(along, along) > 1e-20) {
            along = normalize(along);
            n = normalize(n + tilt.x * along + tilt.y * cross(n, along));
        }
    } else if (m3.x > 0.0) {
        vec3 dx = dFdx(position), dy = dFdy(position);
        float hx = dFdx(height) * m3.x * m3.y, hy = dFdy(height) * m3.x * m3.y;
        vec3 r1 = cross(dy, n), r2 = cross(n, dx);
        float det = dot(dx, r1);
        vec3 gradient = sign(det) * (hx * r1 + hy * r2);
        vec3 bumped = abs(det) * n - gradient;
        if (dot(bumped, bumped) > 1e-20) n = normalize(bumped);
        n = normalize(mix(geometric, n, 0.85));
    }
    float ndv = max(dot(n, v), 0.02);
    vec3 h = normalize(sun + v);
    float ndl = max(dot(n, sun), 0.0) * step(0.0, dot(geometric, sun));
    float shade = ndl > 0.0 ? lit(geometric) : 0.0;
    float ndh = max(dot(n, h), 0.0);
    float a = max(roughness * roughness, 0.012);
    float dd = ndh * ndh * (a * a - 1.0) + 1.0;
    float D = a * a / (PI * dd * dd);
    float k = (roughness + 1.0) * (roughness + 1.0) / 8.0;
    float V = 0.25 / ((ndl * (1.0 - k) + k) * (ndv * (1.0 - k) + k));
    vec3 f0 = mix(vec3(0.04), base, metallic);
    vec3 F = f0 + (1.0 - f0) * pow(1.0 - max(dot(h, v), 0.0), 5.0);
    vec3 diffuse = base * (1.0 - metallic);
    vec3 direct = (diffuse + min(D * V, 60.0) * F * PI * 0.8) * ndl * shade * sun_color;

    float cos_p = dot(n, planet_direction);
    float solid = planet_cosine > 1.5 ? 0.0 : (1.0 - planet_cosine);
    vec3 bounce = planet_color * solid * pow(clamp(0.5 + 0.5 * cos_p, 0.0, 1.0), 1.5);
    vec3 soft = ambient * (0.7 + 0.3 * n.y) + fill * max(dot(n, fill_direction), 0.0);
    vec3 r = reflect(-v, n);
    vec3 Fe = f0 + (1.0 - f0) * pow(1.0 - ndv, 5.0) * (1.0 - roughness);
    vec3 indirect = diffuse * (bounce + soft) + Fe * environment(r, roughness);
    vec3 sum = direct + indirect + glow * base;
    if (!(dot(sum, sum) < 1e8)) sum = vec3(0.0);   // degenerate facets
    color = vec4(min(sum, 100.0), 1.0);
}
