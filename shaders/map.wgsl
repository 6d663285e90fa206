// What the passes of the map share; the text of points.wgsl, density.wgsl and thumbnails.wgsl follows this one.
//
// group(0) binding(0)  Camera   where the map lies on the screen and how things look
// group(0) binding(1)  Palette  256 colours, premultiplied sRGB; the first few are the classes, or all are a scale
//
// Invariant: colours leave as premultiplied sRGB bytes, which is how egui blends.

struct Camera {
    // The middle of the screen in map units: the sum of two numbers, so that it is sharp at any zoom.
    centre_high: vec2f,
    centre_low: vec2f,
    // Clip space per map unit.
    scale: vec2f,
    // One physical pixel in clip space.
    pixel: vec2f,
    // Coordinates in the density's texture are clip space times xy plus zw.
    field: vec4f,
    // Premultiplied sRGB: points without a value, points outside the selection, contours and the frame of selected pictures.
    missing: vec4f,
    greyed: vec4f,
    contour: vec4f,
    strong: vec4f,
    radius_px: f32,
    opacity: f32,
    now_secs: f32,
    fade_secs: f32,
    // How far the rim is mixed towards white (above 0) or black (below 0).
    rim: f32,
    // 1 where the target converts linear values to sRGB by itself.
    is_linear: f32,
    // The index into the palette is (value - low) * per_value.
    low: f32,
    per_value: f32,
    // The density's alpha times this is its ratio to the densest place, times the contrast.
    field_gain: f32,
    field_opacity: f32,
    // Longer side of a picture, in physical pixels.
    edge_px: f32,
    // Width of the cell that a picture stays in, in map units.
    cell: f32,
}

@group(0) @binding(0) var<uniform> camera: Camera;
@group(0) @binding(1) var<uniform> palette: array<vec4f, 256>;

const SELECTED: u32 = 1u;
const GREYED: u32 = 2u;
const HIDDEN: u32 = 3u;

// From map units to clip space.
fn clip_of(position: vec2f) -> vec2f {
    return ((position - camera.centre_high) - camera.centre_low) * camera.scale;
}

// Colour of a point. Missing values are the least number.
fn colour_of(value: f32, mark: u32) -> vec4f {
    if mark == GREYED {
        return camera.greyed;
    }
    if value < -3.0e38 {
        return camera.missing;
    }
    let shade = clamp((value - camera.low) * camera.per_value, 0.0, 255.0);
    let below = u32(shade);
    return mix(palette[below], palette[min(below + 1u, 255u)], fract(shade));
}

fn linear_from_srgb(srgb: vec3f) -> vec3f {
    let low = srgb / 12.92;
    let high = pow((srgb + 0.055) / 1.055, vec3f(2.4));
    return select(high, low, srgb < vec3f(0.04045));
}

// A premultiplied sRGB colour as the target wants it.
fn blended(colour: vec4f) -> vec4f {
    if camera.is_linear > 0.5 && colour.a > 0.0 {
        return vec4f(linear_from_srgb(colour.rgb / colour.a) * colour.a, colour.a);
    }
    return colour;
}
