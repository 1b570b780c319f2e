//! Which pages of its memory a plugin should write to in each call, so that those it writes to anyway lie together.
//!
//! After a call, the host writes a memory's pages back to what they were, and the next call finds them there. wasmtime does so with the
//! first 32 regions of written pages (`MAX_REGIONS` in its `pagemap.rs`); what lies behind them is given back to the kernel, and costs the
//! next call a page fault for each page, microseconds each. An interpreter writes to hundreds of pages here and there: counters of
//! references, heads of lists. Where it writes to the pages between them too, there are few regions, and nothing is given back.

use std::{collections::BTreeSet, ops::Range};

use tracing::debug;

/// How many regions there should be: room is left for pages that one call writes to and another does not.
const REGIONS_AIM: usize = 20;

/// Copying a page back costs a thirtieth of a fault; with so many more of them than are written anyway, little would be won.
const MORE_AT_MOST: usize = 10;

/// The ranges of pages to write to, in their order: those of `written`, and between them the smallest gaps. None where `written` are
/// few regions as they are, or so far apart that filling the gaps would cost more than it gives.
pub(super) fn together(written: &BTreeSet<u32>) -> Vec<Range<u32>> {
    let mut regions: Vec<Range<u32>> = Vec::new();
    for page in written {
        match regions.last_mut() {
            Some(last) if last.end == *page => last.end += 1,
            _ => regions.push(*page..page + 1),
        }
    }
    if regions.len() <= REGIONS_AIM {
        return Vec::new();
    }
    let mut gaps: Vec<u32> = regions.windows(2).map(|pair| pair[1].start - pair[0].end).collect();
    gaps.sort_unstable();
    // All gaps up to this one are filled; gaps as large are filled too.
    let largest = gaps[gaps.len() - REGIONS_AIM];
    let mut filled: Vec<Range<u32>> = Vec::new();
    for region in regions {
        match filled.last_mut() {
            Some(last) if region.start - last.end <= largest => last.end = region.end,
            _ => filled.push(region),
        }
    }
    let pages: usize = filled.iter().map(Range::len).sum();
    debug!(written = written.len(), pages, regions = filled.len(), "pages that calls write to can lie together");
    if pages > written.len() * (1 + MORE_AT_MOST) { Vec::new() } else { filled }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_gaps_are_filled() {
        // Pairs of pages with a page between them, ever further apart.
        let written: BTreeSet<u32> = (0..30_u32).flat_map(|n| [n * n, n * n + 2]).collect();
        let together = together(&written);
        assert!(together.len() <= REGIONS_AIM, "{together:?}");
        assert!(written.iter().all(|page| together.iter().any(|pages| pages.contains(page))), "{together:?}");
        let last = *written.last().unwrap();
        assert_eq!(*together.last().unwrap(), last - 2..last + 1);
    }

    #[test]
    fn what_is_together_or_far_apart_is_left_alone() {
        let few: BTreeSet<u32> = (0..REGIONS_AIM as u32).map(|n| n * 100).chain(1..50).collect();
        assert_eq!(together(&few), []);
        let sparse: BTreeSet<u32> = (0..200).map(|n| n * 100).collect();
        assert_eq!(together(&sparse), []);
        assert_eq!(together(&BTreeSet::new()), []);
    }
}
