// The points of the map: one instance per item, drawn as an anti-aliased disc. Bindings: map.wgsl.
//
// Per instance: location(0) position in map units and the second at which the point appeared, location(1) value, location(2) mark.

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
    @location(0) position: vec3f,
    @location(1) value: f32,
    @location(2) mark: u32,
) -> Disc {
    let age = clamp((camera.now_secs - position.z) / camera.fade_secs, 0.0, 1.0);
    let young = 1.0 - age;
    let grown = 1.0 - young * young * young;
    // A point arrives larger and paler than it stays.
    let radius = camera.radius_px * (2.5 - 1.5 * grown);
    let unit = vec2f(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;
    let reach = select(radius + 1.0, 0.0, mark == HIDDEN);

    var disc: Disc;
    disc.clip = vec4f(clip_of(position.xy) + unit * reach * camera.pixel, 0.0, 1.0);
    disc.from_centre = unit * reach;
    disc.colour = colour_of(value, mark) * (camera.opacity * grown);
    disc.radius = radius;
    return disc;
}

@fragment
fn colour(disc: Disc) -> @location(0) vec4f {
    let away = length(disc.from_centre);
    let cover = clamp(disc.radius - away + 0.5, 0.0, 1.0);
    // Small points need all of their colour: the rim fades in with size.
    let rim = smoothstep(disc.radius - 1.6, disc.radius, away) * smoothstep(2.0, 4.0, disc.radius);
    let towards = select(vec3f(0.0), vec3f(disc.colour.a), camera.rim > 0.0);
    let rgb = mix(disc.colour.rgb, towards, rim * abs(camera.rim));
    return blended(vec4f(rgb, disc.colour.a) * cover);
}
