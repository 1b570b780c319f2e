//! Which pages of its memory a guest has written to, as the kernel counts them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::FileExt,
};

/// What Linux calls the files that wasmtime keeps the beginnings of memories in, which instances share until they write.
const IMAGE: &str = "/memfd:wasm-memory-image";

/// What pages are numbered in: the size that they have on most machines.
pub const WRITTEN_PAGE_BYTES: u32 = 4 << 10;

/// The size of what `/proc/self/pagemap` says of a page.
const ENTRY_BYTES: u64 = 8;

/// In that: the page is in memory; it is a file's, so nobody has written to it.
const PRESENT: u64 = 1 << 63;
const OF_FILE: u64 = 1 << 61;

/// The pages, by their number in [`WRITTEN_PAGE_BYTES`], that were written to of the largest memory that any instance of this process has
/// at this moment. To be asked where there is one instance. An error where the kernel is not Linux.
pub(super) fn now() -> io::Result<BTreeSet<u32>> {
    let page_bytes = rustix::param::page_size() as u64;
    let parts = u32::try_from(page_bytes).unwrap_or(u32::MAX) / WRITTEN_PAGE_BYTES;
    let memories = memories(&fs::read_to_string("/proc/self/maps")?);
    let size = |memory: &Range<u64>| memory.end - memory.start;
    let Some(largest) = memories.iter().map(size).max() else { return Ok(BTreeSet::new()) };
    let pagemap = File::open("/proc/self/pagemap")?;
    let mut written = BTreeSet::new();
    // A pool may have had it in several places, each with a part of what was written.
    for memory in memories.iter().filter(|memory| size(memory) == largest) {
        for (number, address) in (0_u32..).zip((memory.start..memory.end).step_by(page_bytes as usize)) {
            let mut entry = [0; ENTRY_BYTES as usize];
            pagemap.read_exact_at(&mut entry, address / page_bytes * ENTRY_BYTES)?;
            if u64::from_ne_bytes(entry) & (PRESENT | OF_FILE) == PRESENT {
                written.extend(number * parts..(number + 1) * parts);
            }
        }
    }
    Ok(written)
}

/// The memories' addresses: what lies together and may be written, with an image in it.
fn memories(maps: &str) -> Vec<Range<u64>> {
    let mut found: Vec<(Range<u64>, bool)> = Vec::new();
    for line in maps.lines() {
        let mut fields = line.splitn(6, ' ');
        let (Some(addresses), Some(access)) = (fields.next(), fields.next()) else { continue };
        let Some((start, end)) = addresses.split_once('-') else { continue };
        let address = |text| u64::from_str_radix(text, 16);
        let (Ok(start), Ok(end)) = (address(start), address(end)) else { continue };
        if !access.starts_with("rw-p") {
            continue;
        }
        let is_image = line.contains(IMAGE);
        match found.last_mut() {
            Some((last, has_image)) if last.end == start => {
                last.end = end;
                *has_image |= is_image;
            }
            _ => found.push((start..end, is_image)),
        }
    }
    found.into_iter().filter(|(_, has_image)| *has_image).map(|(memory, _)| memory).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_an_image_and_what_lies_around_it() {
        let maps = "\
55a0-55b0 rw-p 00000000 00:00 0                          [heap]
10000-11000 ---p 00000000 00:00 0 
11000-12000 rw-p 00000000 00:00 0 
12000-15000 rw-p 00001000 00:01 12                       /memfd:wasm-memory-image (deleted)
15000-20000 rw-p 00000000 00:00 0 
20000-22000 ---p 00000000 00:00 0 
22000-23000 rw-p 00000000 00:01 12                       /memfd:wasm-memory-image (deleted)
23000-24000 rw-p 00001000 00:01 99                       /memfd:another (deleted)
24000-25000 rw-s 00000000 00:01 12                       /memfd:wasm-memory-image (deleted)
90000-91000 r--p 00000000 00:01 12                       /memfd:wasm-memory-image (deleted)
";
        assert_eq!(memories(maps), [0x11000..0x20000, 0x22000..0x24000]);
    }
}
