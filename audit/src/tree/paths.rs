//! Where tiles are, under the address of a log and in an export (C2SP tlog-tiles).

use super::{TILE_HEIGHT, TILE_WIDTH, TilePlace};

/// The path of a tile under the address of a log: `tile/<level>/<number>[.p/<width>]`.
#[must_use]
pub fn tile_path(place: TilePlace, width: usize) -> String {
    let mut number = place.number;
    let mut written = format!("{:03}", number % 1000);
    while number >= 1000 {
        number /= 1000;
        written = format!("x{:03}/{written}", number % 1000);
    }
    let partial = if width < TILE_WIDTH {
        format!(".p/{width}")
    } else {
        String::new()
    };
    format!("tile/{}/{written}{partial}", place.level)
}

/// Takes the path of a tile apart; `None` when it is not exactly one that [`tile_path`] writes.
#[must_use]
pub fn tile_of_path(path: &str) -> Option<(TilePlace, usize)> {
    let rest = path.strip_prefix("tile/")?;
    let (level, rest) = rest.split_once('/')?;
    let level: u8 = level.parse().ok().filter(|level| *level < 8)?;
    let (digits, width) = match rest.split_once(".p/") {
        Some((digits, width)) => (digits, width.parse().ok()?),
        None => (rest, TILE_WIDTH),
    };
    let mut number = 0_u64;
    for part in digits.split('/') {
        let part = part.strip_prefix('x').unwrap_or(part);
        if part.len() != 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        number = number.checked_mul(1000)?.checked_add(part.parse().ok()?)?;
    }
    let place = TilePlace { level, number };
    let is_width = (1..=TILE_WIDTH).contains(&width);
    (is_width && tile_path(place, width) == path).then_some((place, width))
}

/// The tiles of a tree of `size` leaves, in order, with their widths.
pub fn tiles_of(size: u64) -> impl Iterator<Item = (TilePlace, usize)> {
    (0_u8..8).flat_map(move |level| {
        let nodes = size >> (u32::from(TILE_HEIGHT) * u32::from(level));
        let full = nodes / 256;
        let partial = usize::try_from(nodes % 256).unwrap_or_default();
        let place = move |number| TilePlace { level, number };
        (0..full)
            .map(move |number| (place(number), TILE_WIDTH))
            .chain((partial > 0).then_some((place(full), partial)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_tiles_are_read_back_and_nothing_else_is() {
        for (level, number, width, path) in [
            (0, 0, 256, "tile/0/000"),
            (0, 1_234_067, 8, "tile/0/x001/x234/067.p/8"),
            (3, 999, 255, "tile/3/999.p/255"),
        ] {
            let place = TilePlace { level, number };
            assert_eq!(tile_path(place, width), path);
            assert_eq!(tile_of_path(path), Some((place, width)));
        }
        for path in [
            "tile/0/0",
            "tile/8/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile//000",
            "tile/0/",
            "tile/00/000",
            "tile/0/000.p/01",
            "tile/0/../000",
            "tile/-1/000",
            "000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(tile_of_path(path), None, "{path}");
        }
    }
}
