// Pictures of items on the map: one instance per picture. Bindings: map.wgsl, and
//
// group(1) binding(0)  the atlas of pictures, sRGB bytes
// group(1) binding(1)  a bilinear sampler
//
// Per instance: location(0) the item's position and the lower corner of the cell that the picture stays in, map units; location(1) the
// picture's corner and size in the atlas, texels; location(2) value, the second at which the picture came, and how far it is drawn to the middle of its cell; location(3) mark; location(4) 1 for each edge
// of the cell (left, low, right, high) that the picture may not cross.

@group(1) @binding(0) var atlas: texture_2d<f32>;
@group(1) @binding(1) var smooth_sampler: sampler;

struct Tile {
    @builtin(position) clip: vec4f,
    // From the picture's centre, and half its size, in physical pixels.
    @location(0) from_centre: vec2f,
    @location(1) @interpolate(flat) half: vec2f,
    @location(2) @interpolate(flat) slot: vec4f,
    @location(3) @interpolate(flat) frame: vec4f,
    // Opacity, and width of the frame in physical pixels.
    @location(4) @interpolate(flat) look: vec2f,
}

@vertex
fn place(
    @builtin(vertex_index) corner: u32,
    @location(0) position: vec4f,
    @location(1) slot: vec4f,
    @location(2) look: vec3f,
    @location(3) mark: u32,
    @location(4) bounded: vec4f,
) -> Tile {
    // In pixels: towards the middle of the cell, as far as the picture still covers its item, and not over the edges that bound it.
    let half_edge = vec2f(camera.edge_px * 0.5);
    let cell = camera.cell * camera.scale / camera.pixel;
    let low = clip_of(position.zw) / camera.pixel;
    let point = clip_of(position.xy) / camera.pixel;
    let drawn = clamp(low + cell * 0.5, point - half_edge * look.z, point + half_edge * look.z);
    let least = low + half_edge * bounded.xy;
    let centre = clamp(drawn, least, max(low + cell - half_edge * bounded.zw, least));
    let half = half_edge * slot.zw / max(slot.z, slot.w);
    let unit = vec2f(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;

    var tile: Tile;
    tile.clip = vec4f((centre + unit * half) * camera.pixel, 0.0, 1.0);
    tile.from_centre = unit * half;
    tile.half = half;
    tile.slot = slot;
    tile.frame = colour_of(look.x, mark);
    let age = clamp((camera.now_secs - look.y) / 0.15, 0.0, 1.0);
    tile.look = vec2f(age, clamp(camera.edge_px / 24.0, 1.0, 2.5));
    if mark == SELECTED {
        tile.frame = camera.strong;
        tile.look.y *= 1.5;
    }
    if mark == GREYED {
        tile.look.x *= 0.25;
    }
    return tile;
}

@fragment
fn colour(tile: Tile) -> @location(0) vec4f {
    // Distance to a rectangle with rounded corners, below 0 inside.
    let radius = min(tile.half.x, tile.half.y) * 0.18;
    let q = abs(tile.from_centre) - tile.half + radius;
    let away = length(max(q, vec2f(0.0))) + min(max(q.x, q.y), 0.0) - radius;
    let cover = clamp(0.5 - away, 0.0, 1.0);
    let frame = clamp(away + tile.look.y + 0.5, 0.0, 1.0);

    // Rows of pictures run downwards; half a texel is kept from the neighbours.
    let share = vec2f(tile.from_centre.x, -tile.from_centre.y) / tile.half * 0.5 + 0.5;
    let texel = tile.slot.xy + clamp(share * tile.slot.zw, vec2f(0.5), tile.slot.zw - 0.5);
    let picture = textureSampleLevel(atlas, smooth_sampler, texel / vec2f(textureDimensions(atlas)), 0.0);
    let mixed = mix(vec4f(picture.rgb, 1.0), tile.frame, frame * 0.9);
    return blended(mixed * (cover * tile.look.x));
}
