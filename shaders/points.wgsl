// The points of the map: one instance per item, drawn as an anti-aliased disc.
//
// group(0) binding(0)  Camera   where the map lies on the screen and how points look
// group(0) binding(1)  Palette  256 colours, premultiplied sRGB; the first few are the classes, or all are a scale
//
// Per instance: location(0) position in map units, location(1) colour as an index into the palette (fractions are
// mixed), location(2) the second at which the point appeared.
//
// Invariant: colours leave as premultiplied sRGB bytes, which is how egui blends.

struct Camera {
    // Clip space is position * scale + offset.
    scale: vec2f,
    offset: vec2f,
    // One physical pixel in clip space.
    pixel: vec2f,
    radius_px: f32,
    opacity: f32,
    now_secs: f32,
    fade_secs: f32,
    // How far the rim is mixed towards white (above 0) or black (below 0).
    rim: f32,
    // 1 where the target converts linear values to sRGB by itself.
    is_linear: f32,
}

@group(0) @binding(0) var<uniform> camera: Camera;
@group(0) @binding(1) var<uniform> palette: array<vec4f, 256>;

struct Disc {
    @builtin(position) clip: vec4f,
    // Distance from the centre in physical pixels.
    @location(0) from_centre: vec2f,
    @location(1) @interpolate(flat) colour: vec4f,
    @location(2) @interpolate(flat) radius: f32,
}

@vertex
fn place(
    @builtin(vertex_index) corner: u32,
    @location(0) position: vec2f,
    @location(1) shade: f32,
    @location(2) born_secs: f32,
) -> Disc {
    let age = clamp((camera.now_secs - born_secs) / camera.fade_secs, 0.0, 1.0);
    let grown = 1.0 - pow(1.0 - age, 3.0);
    // A point arrives larger and paler than it stays.
    let radius = camera.radius_px * (2.5 - 1.5 * grown);
    let unit = vec2f(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;
    let reach = radius + 1.0;

    let low = u32(clamp(shade, 0.0, 255.0));
    let tint = mix(palette[low], palette[min(low + 1u, 255u)], fract(shade));

    var disc: Disc;
    disc.clip = vec4f(position * camera.scale + camera.offset + unit * reach * camera.pixel, 0.0, 1.0);
    disc.from_centre = unit * reach;
    disc.colour = tint * (camera.opacity * grown);
    disc.radius = radius;
    return disc;
}

fn linear_from_srgb(srgb: vec3f) -> vec3f {
    let low = srgb / 12.92;
    let high = pow((srgb + 0.055) / 1.055, vec3f(2.4));
    return select(high, low, srgb < vec3f(0.04045));
}

@fragment
fn colour(disc: Disc) -> @location(0) vec4f {
    let away = length(disc.from_centre);
    let cover = clamp(disc.radius - away + 0.5, 0.0, 1.0);
    // Small points need all of their colour: the rim fades in with size.
    let rim = smoothstep(disc.radius - 1.6, disc.radius, away) * smoothstep(2.0, 4.0, disc.radius);
    let towards = select(vec3f(0.0), vec3f(disc.colour.a), camera.rim > 0.0);
    var rgb = mix(disc.colour.rgb, towards, rim * abs(camera.rim));
    let alpha = disc.colour.a * cover;
    rgb = rgb * cover;
    if camera.is_linear > 0.5 && alpha > 0.0 {
        rgb = linear_from_srgb(rgb / alpha) * alpha;
    }
    return vec4f(rgb, alpha);
}
