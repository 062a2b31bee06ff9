// Everything behind the craft: sky gradient, nebula, and up to two planets before the camera at the origin.
// Compiled for KIND0 and KIND1 (the kinds of the planets, 0 none), LIGHTS, NEBULA (0 or 1) and CYCLONES (a count):
// software GL runs both sides of every branch, so what a scene lacks must not be in its program.
const float PI = 3.14159265;
struct Planet {
    vec3 center;          // camera frame, in planet radii
    mat3 to_fixed;        // camera frame to planet-fixed axes
    mat3 to_plane;        // planet-fixed axes to those of the cloud plane, whose z points at the camera
    vec3 tint;
    vec3 second;
    vec3 air;             // colour of the atmosphere
    float air_height;     // scale height in radii; 0 without air
    float brightness;
    float saturation;
    float lights;         // strength of the cities
    float cloud;          // threshold: low is overcast
    float cloud_soft;
    float cloud_scale;
    float detail;
    float puffs;          // share of cumulus cells in the clouds
    vec4 offset;
};
uniform Planet planets[2];
#if CYCLONES > 0
uniform vec4 cyclones[CYCLONES];     // plane position, turn, size
#endif
uniform sampler2D noise;
uniform sampler2D earth;
uniform vec3 sun;
uniform vec3 sky_low;
uniform vec3 sky_high;
uniform vec2 sky_axis;
uniform vec3 sky_glow;        // a soft round glow
uniform vec3 glow_place;      // screen x, y and size
uniform vec3 nebula;
uniform vec4 nebula_shape;    // scale, threshold, offset x, y
in vec3 ray;
in vec2 screen;
layout(location = 0) out vec4 color;

vec3 saturated(vec3 c, float s) {
    float l = dot(c, vec3(0.3, 0.6, 0.1));
    return max(mix(vec3(l), c, s), 0.0);
}

vec2 swirled(vec2 p) {
#if CYCLONES > 0
    for (int i = 0; i < CYCLONES; i++) {
        vec2 d = p - cyclones[i].xy;
        float s = cyclones[i].w;
        float r2 = dot(d, d) / (s * s);
        float a = cyclones[i].z * exp(-r2 * 1.2);
        p = cyclones[i].xy + mat2(cos(a), -sin(a), sin(a), cos(a)) * d;
    }
#endif
    return p;
}

// Cloud before (x) and beside (y) a point of the plane, the second towards the Sun, whose clouds shade the first; and
// how much the puffs rise towards the Sun (z).
vec3 clouds(vec2 p, vec2 toward, Planet b) {
    vec2 warp = texture(noise, p * 0.37 * b.cloud_scale + b.offset.xy).rg - 0.5;
    vec2 q = (p + 0.35 * warp / b.cloud_scale) * b.cloud_scale;
    vec2 aside = toward * 0.02 * b.cloud_scale;
    float base = texture(noise, q * 0.43 + b.offset.zw).r;
    float base_aside = texture(noise, (q + aside) * 0.43 + b.offset.zw).r;
    vec4 puff = texture(noise, q * 2.3 + b.offset.yx);
    vec4 puff_aside = texture(noise, (q + 0.26 * aside) * 2.3 + b.offset.yx);
    float small = 0.38 * mix(puff.g, puff.b, b.puffs);
    float small_aside = 0.38 * mix(puff_aside.g, puff_aside.b, b.puffs);
    return vec3(base * 0.62 + small, base_aside * 0.62 + small_aside, puff.b - puff_aside.b);
}

vec3 earth_surface(vec3 n, vec3 v, float ndl, Planet b, vec3 fixed_sun) {
    float lat = asin(clamp(n.z, -1.0, 1.0));
    float lon = atan(n.y, n.x);
    vec3 nx = dFdx(n), ny = dFdy(n);
    float step_size = sqrt(max(dot(nx, nx), dot(ny, ny)));
    float lod = log2(max(step_size * 4096.0 / (2.0 * PI), 1.0));
    vec2 at = vec2(lon / (2.0 * PI) + 0.5, 0.5 - lat / PI);
    vec3 ground = textureLod(earth, at, min(lod, 6.0)).rgb;
    ground *= ground;
    float ocean = smoothstep(0.0, 0.02, ground.b - ground.r * 1.25);
    vec3 plane = b.to_plane * n;
    vec2 p = 2.0 * plane.xy / (1.0 + max(plane.z, -0.6));
    vec4 fine = texture(noise, p * 9.0 + b.offset.xz);
    vec4 finer = texture(noise, p * 41.0 + b.offset.wz);
    float texture_land = (fine.g - 0.5) * 0.9 + (finer.g - 0.5) * 0.6;
    ground *= mix(1.0 + 0.15 * (fine.r - 0.5), max(1.0 + texture_land * b.detail, 0.2), 1.0 - ocean);
    ground = saturated(ground * 1.2, b.saturation) * b.tint;

    vec2 sp = swirled(p);
    vec3 sun_plane = b.to_plane * fixed_sun;
    vec2 toward = sun_plane.xy * inversesqrt(dot(sun_plane.xy, sun_plane.xy) + 1e-4) / b.cloud_scale;
    vec3 cloud = clouds(sp, toward, b);
    float density = cloud.x + (fine.b - 0.5) * 0.14 + (finer.b - 0.5) * 0.10 * b.detail;
    float cover = smoothstep(b.cloud, b.cloud + b.cloud_soft, density);
    cover *= cover * (1.6 - 0.6 * cover);
    float wisps = texture(noise, sp * vec2(0.9, 5.0) * b.cloud_scale + b.offset.zx).g;
    cover = max(cover, 0.6 * smoothstep(0.62, 1.05, wisps * (0.6 + 0.5 * density)));
    float relief = clamp(0.92 + (0.4 + 0.8 * b.puffs) * cloud.z * (1.2 - ndl) + 0.3 * (finer.b - 0.5) + 0.25 * (fine.g - 0.5), 0.4, 1.2);

    float day = max(ndl, 0.0);
    vec3 warm = mix(vec3(1.0, 0.55, 0.33), vec3(1.0), smoothstep(0.0, 0.3, ndl));
    vec3 h = normalize(fixed_sun + v);
    float glint = (pow(max(dot(n, h), 0.0), 90.0) + 0.15 * pow(max(dot(n, h), 0.0), 14.0)) * (0.7 + 0.6 * fine.g) * ocean * 0.8;
    float shadow = 1.0 - 0.45 * smoothstep(b.cloud, b.cloud + b.cloud_soft, cloud.y);
    vec3 lit_ground = (ground * shadow * day + glint * (1.0 - cover) * smoothstep(0.0, 0.1, ndl)) * warm;
    vec3 lit_cloud = mix(vec3(0.62, 0.70, 0.85), vec3(1.0), cover * (0.5 + 0.5 * fine.r)) * relief * (day * 0.92 + 0.02 * smoothstep(-0.1, 0.1, ndl)) * warm;
    vec3 c = mix(lit_ground, lit_cloud, cover * 0.96);

    if (LIGHTS == 1) {
        float town = texture(noise, p * 1.7 + b.offset.wx).r;
        // A speckle of one or two pixels at any distance: the noise is read at the scale of the pixel's footprint.
        float k = clamp(exp2(floor(-log2(max(step_size, 1e-6) * 400.0))), 0.25, 64.0);
        float near = smoothstep(0.80, 1.0, textureLod(noise, p * k + b.offset.xw, 0.0).a);
        float far = 0.8 * smoothstep(0.90, 1.0, textureLod(noise, p * 0.5 * k + b.offset.yw, 0.0).a);
        float road = 1.0 - abs(texture(noise, p * 13.0 + b.offset.yw).g - 0.5) * 14.0;
        float glow = smoothstep(0.35, 0.9, town) * (near + far + 0.25 * max(road, 0.0) * near) * (0.4 + 1.6 * town * town);
        float dark = smoothstep(0.1, -0.1, ndl) * b.lights;
        c += dark * vec3(2.4, 1.4, 0.5) * glow * (1.0 - ocean) * (1.0 - 0.8 * cover);
        c += dark * vec3(0.014, 0.022, 0.04) * mix(0.3 + ground * 3.0, vec3(1.6), cover);   // moonlight
    }
    return c;
}

vec3 rock_surface(vec3 n, float ndl, Planet b, vec3 fixed_sun) {
    vec3 plane = b.to_plane * n;
    vec2 p = 2.0 * plane.xy / (1.0 + max(plane.z, -0.6));
    vec2 toward = (b.to_plane * fixed_sun).xy;
    float large = texture(noise, p * 0.35 + b.offset.xy).r;
    vec2 q = p * 1.3 + b.offset.zw;
    float bump = texture(noise, q).b - texture(noise, q + toward * 0.008).b;
    float small_bump = texture(noise, q * 5.0).b - texture(noise, q * 5.0 + toward * 0.01).b;
    vec3 c = mix(b.tint, b.second, smoothstep(0.3, 0.7, large));
    float slope = (bump * 2.5 + small_bump * 1.3) * b.detail * (1.0 - 0.6 * max(ndl, 0.0));
    return c * max(ndl + slope * smoothstep(-0.02, 0.15, ndl), 0.0);
}

vec3 banded_surface(vec3 n, float ndl, Planet b) {
    vec3 plane = b.to_plane * n;
    vec2 p = 2.0 * plane.xy / (1.0 + max(plane.z, -0.6));
    vec2 warp = texture(noise, p * 0.8 + b.offset.xy).rg - 0.5;
    float band = texture(noise, vec2(n.z * 0.6 * b.cloud_scale + warp.x * 0.1 * b.detail, 0.31) + b.offset.zw).g;
    return mix(b.tint, b.second, smoothstep(0.2, 0.8, band)) * max(ndl, 0.0);
}

vec4 planet(Planet b, const int kind, vec3 rd) {
    float along = dot(rd, b.center);
    float miss = length(b.center - max(along, 0.0) * rd);
    float height = miss - 1.0;
    vec3 result = vec3(0.0);
    float alpha = 0.0;
    vec3 rim = normalize(max(along, 0.0) * rd - b.center);
    float rim_day = smoothstep(-0.18, 0.25, dot(rim, sun));
    if (along > 0.0 && miss < 1.0) {
        float depth = along - sqrt(1.0 - miss * miss);
        if (dot(b.center, b.center) < 1.0) depth = 0.0;
        vec3 n = normalize(depth * rd - b.center);
        float ndl = dot(n, sun);
        float mu = max(dot(n, -rd), 0.0);
        vec3 fixed_n = b.to_fixed * n;
        vec3 fixed_sun = b.to_fixed * sun;
        if (kind == 1) result = earth_surface(fixed_n, b.to_fixed * (-rd), ndl, b, fixed_sun);
        else if (kind == 2) result = rock_surface(fixed_n, ndl, b, fixed_sun);
        else if (kind == 3) result = banded_surface(fixed_n, ndl, b);
        else result = b.tint * max(ndl, 0.0);
        if (b.air_height > 0.0) {
            float haze = pow(1.0 - mu, 3.0) * 0.85 + 0.06;
            float day = smoothstep(-0.15, 0.35, ndl);
            vec3 sunset = mix(vec3(1.0, 0.5, 0.3), vec3(1.0), smoothstep(-0.05, 0.25, ndl));
            result = mix(result, b.air * day * sunset * 0.9, haze);
        }
        alpha = clamp(-height / max(fwidth(miss), 1e-6) + 0.5, 0.0, 1.0);
    }
    vec3 air = vec3(0.0);
    if (b.air_height > 0.0 && height > -0.02) {
        float h = max(height, 0.0) / b.air_height;
        vec3 hue = mix(vec3(1.0), b.air, clamp(h * 0.9, 0.0, 1.0));
        air = hue * mix(vec3(1.0, 0.6, 0.4), vec3(1.0), rim_day) * exp(-h) * (rim_day * 0.95);
    }
    return vec4(mix(air, result, alpha) * b.brightness, max(alpha, 0.0));
}

void main() {
    vec3 rd = normalize(ray);
    float t = 0.5 + 0.5 * dot(screen, sky_axis);
    vec3 sky = mix(sky_low, sky_high, clamp(t, 0.0, 1.0));
    vec2 away = (screen - glow_place.xy) / max(glow_place.z, 1e-3);
    sky += sky_glow * exp(-dot(away, away));
    if (NEBULA == 1) {
        vec2 p = screen * nebula_shape.x + nebula_shape.zw;
        vec2 warp = texture(noise, p * 0.5).rg - 0.5;
        float cloud = texture(noise, p * 0.35 + warp * 0.15).r * 0.85 + texture(noise, p * 1.3).r * 0.15;
        vec3 hue = mix(nebula, nebula.brg, texture(noise, p * 0.15 + 0.5).r * 0.6);
        sky += hue * pow(smoothstep(nebula_shape.y - 0.2, 1.2, cloud), 1.5);
    }
    if (KIND1 > 0) {
        vec4 p = planet(planets[1], KIND1, rd);
        sky = sky * (1.0 - p.a) + p.rgb;
    }
    if (KIND0 > 0) {
        vec4 p = planet(planets[0], KIND0, rd);
        sky = sky * (1.0 - p.a) + p.rgb;
    }
    if (!(dot(sky, sky) < 1e6)) sky = vec3(0.0);
    color = vec4(sky, 1.0);
}
