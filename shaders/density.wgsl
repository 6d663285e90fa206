// How densely the map is filled, with contours, over the whole screen. Bindings: map.wgsl, and
//
// group(1) binding(0)  the sum of the points' colours, and their number as alpha, both in some unit
// group(1) binding(1)  a bilinear sampler

@group(1) @binding(0) var density: texture_2d<f32>;
@group(1) @binding(1) var smooth_sampler: sampler;

// Lines between nothing and the densest place.
const CONTOURS: f32 = 7.0;
// How far below the densest place differences are told apart.
const CONTRAST: f32 = 300.0;

struct Screen {
    @builtin(position) clip: vec4f,
    @location(0) at: vec2f,
}

@vertex
fn cover(@builtin(vertex_index) corner: u32) -> Screen {
    // One triangle that holds the screen.
    let clip = vec2f(f32(corner & 1u), f32(corner >> 1u)) * 4.0 - 1.0;
    var screen: Screen;
    screen.clip = vec4f(clip, 0.0, 1.0);
    screen.at = clip * camera.field.xy + camera.field.zw;
    return screen;
}

// The cubic B-spline through four bilinear samples (C. Sigg and M. Hadwiger, "Fast third-order texture filtering", GPU Gems 2, 2005).
fn cubic(at: vec2f) -> vec4f {
    let size = vec2f(textureDimensions(density));
    let texel = at * size - 0.5;
    let f = fract(texel);
    let i = texel - f;
    let g = 1.0 - f;
    let w0 = g * g * g / 6.0;
    let w1 = (4.0 - 6.0 * f * f + 3.0 * f * f * f) / 6.0;
    let w3 = f * f * f / 6.0;
    let s0 = w0 + w1;
    let s1 = 1.0 - s0;
    let near = (i - 0.5 + w1 / s0) / size;
    let far = (i + 1.5 + w3 / s1) / size;
    let below = textureSampleLevel(density, smooth_sampler, near, 0.0) * s0.x
        + textureSampleLevel(density, smooth_sampler, vec2f(far.x, near.y), 0.0) * s1.x;
    let above = textureSampleLevel(density, smooth_sampler, vec2f(near.x, far.y), 0.0) * s0.x
        + textureSampleLevel(density, smooth_sampler, far, 0.0) * s1.x;
    return below * s0.y + above * s1.y;
}

@fragment
fn fill(screen: Screen) -> @location(0) vec4f {
    let sum = cubic(screen.at);
    // Logarithmic, so that a place a hundred times less dense than the densest is still seen.
    let ratio = sum.a * camera.field_gain;
    let tone = min(log2(1.0 + CONTRAST * ratio) / log2(1.0 + CONTRAST), 1.0);

    let level = tone * CONTOURS;
    let to_line = abs(fract(level - 0.5) - 0.5) / max(fwidth(level), 1e-6);
    let has_line = level > 0.5 && level < CONTOURS - 0.1;
    let line = select(0.0, clamp(1.25 - to_line, 0.0, 1.0), has_line);

    let is_known = all(screen.at >= vec2f(0.0)) && all(screen.at <= vec2f(1.0)) && sum.a > 0.0;
    let fill = vec4f(sum.rgb / max(sum.a, 1e-9), 1.0) * tone * 0.9;
    let lined = camera.contour * line + fill * (1.0 - camera.contour.a * line);
    return blended(select(vec4f(0.0), lined * camera.field_opacity, is_known));
}
