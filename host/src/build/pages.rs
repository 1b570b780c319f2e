//! Which pages of its memory a plugin should write to in each call, so that those it writes to anyway lie together.
//!
//! After a call, the host writes a memory's pages back to what they were, and the next call finds them there. wasmtime does so with the
//! first 32 regions of written pages (`MAX_REGIONS` in its `pagemap.rs`); what lies behind them is given back to the kernel, and costs the
//! next call a page fault for each page, microseconds each. An interpreter writes to hundreds of pages here and there: counters of
//! references, heads of lists. Where it writes to the pages between them too, there are few regions, and nothing is given back.

use std::{
    collections::{BTreeMap, BTreeSet},
    iter,
    ops::Range,
};

use tracing::debug;

/// Regions that wasmtime keeps (`MAX_REGIONS`).
const REGIONS_KEPT: usize = 32;

/// How many regions there may be: room is left for pages that no rehearsal wrote to.
const REGIONS_AIMS: [usize; 4] = [16, 20, 24, 28];

/// What a fault costs, in pages that are written back: 1.3 to 3 microseconds were measured, and 0.15 to 0.3.
const FAULT: usize = 10;

/// The ranges of pages to write to, in their order. `written` are the pages that each of some calls wrote to. None where the calls cost no
/// less with any.
pub(super) fn together(written: &[BTreeSet<u32>]) -> Vec<Range<u32>> {
    // Either what all calls write to lies together, or only what many do, which is less to write back: the others then pay for theirs.
    let candidates = (1..=written.len()).flat_map(|calls| {
        let usual = usual(written, calls);
        REGIONS_AIMS.map(|aim| filled(regions(&usual), aim))
    });
    // Of those that cost the same, the first: writing to none.
    let cheapest = iter::once(Vec::new()).chain(candidates).min_by_key(|ranges| cost(ranges, written));
    let ranges = cheapest.unwrap_or_default();
    let pages: usize = ranges.iter().map(Range::len).sum();
    debug!(pages, regions = ranges.len(), "pages that calls write to can lie together");
    ranges
}

/// The pages that at least so many calls wrote to.
fn usual(written: &[BTreeSet<u32>], calls: usize) -> BTreeSet<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for page in written.iter().flatten() {
        *counts.entry(*page).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count >= calls).map(|(page, _)| page).collect()
}

fn regions(pages: &BTreeSet<u32>) -> Vec<Range<u32>> {
    let mut regions: Vec<Range<u32>> = Vec::new();
    for page in pages {
        match regions.last_mut() {
            Some(last) if last.end == *page => last.end += 1,
            _ => regions.push(*page..page + 1),
        }
    }
    regions
}

/// So many regions, or as many as there are: the smallest gaps between them become part of them.
fn filled(regions: Vec<Range<u32>>, aim: usize) -> Vec<Range<u32>> {
    let gap = |nth: &usize| regions[*nth].start - regions[*nth - 1].end;
    let mut gaps: Vec<usize> = (1..regions.len()).collect();
    gaps.sort_by_key(gap);
    gaps.truncate(regions.len().saturating_sub(aim));
    let gaps = BTreeSet::from_iter(gaps);
    let mut filled: Vec<Range<u32>> = Vec::new();
    for (nth, region) in regions.into_iter().enumerate() {
        match filled.last_mut() {
            Some(last) if gaps.contains(&nth) => last.end = region.end,
            _ => filled.push(region),
        }
    }
    filled
}

/// What the calls cost, in pages that are written back, if each writes to `ranges` too: where a slot serves one tool only, and where it
/// serves all in turn and so holds what any of them wrote to.
fn cost(ranges: &[Range<u32>], written: &[BTreeSet<u32>]) -> usize {
    let ranges: BTreeSet<u32> = ranges.iter().cloned().flatten().collect();
    let all: BTreeSet<u32> = written.iter().flatten().chain(&ranges).copied().collect();
    let calls = written.iter().map(|call| {
        let touched = call | &ranges;
        price(&touched, &touched) + price(&all, &touched)
    });
    calls.sum()
}

/// The same of one call, which touches those of the pages that a slot holds.
fn price(held: &BTreeSet<u32>, touched: &BTreeSet<u32>) -> usize {
    let regions = regions(held);
    let kept = regions.iter().take(REGIONS_KEPT).map(Range::len).sum::<usize>();
    let given_back = regions.get(REGIONS_KEPT).map_or(0, |first| touched.range(first.start..).count());
    kept + given_back * FAULT
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    #[test]
    fn the_smallest_gaps_are_filled() {
        // Pairs of pages with a page between them, ever further apart.
        let written: BTreeSet<u32> = (0..30_u32).flat_map(|n| [n * n, n * n + 2]).collect();
        let together = together(from_ref(&written));
        assert!((1..=REGIONS_AIMS[3]).contains(&together.len()), "{together:?}");
        assert!(written.iter().all(|page| together.iter().any(|pages| pages.contains(page))), "{together:?}");
        let last = *written.last().unwrap();
        assert_eq!(*together.last().unwrap(), last - 2..last + 1);
    }

    #[test]
    fn no_more_gaps_are_filled_than_there_is_room_for() {
        let regions: Vec<Range<u32>> = [0..1, 3..4, 5..6, 10..12].into();
        assert_eq!(filled(regions.clone(), 4), regions);
        assert_eq!(filled(regions.clone(), 3), [0..1, 3..6, 10..12]);
        assert_eq!(filled(regions.clone(), 2), [0..6, 10..12]);
        assert_eq!(filled(regions, 1), vec![0..12]);
        assert_eq!(filled(Vec::new(), 1), []);
    }

    #[test]
    fn what_is_together_or_far_apart_is_left_alone() {
        let few: BTreeSet<u32> = (0..REGIONS_KEPT as u32).map(|n| n * 100).collect();
        assert_eq!(together(&[few]), []);
        let sparse: BTreeSet<u32> = (0..200).map(|n| n * 100).collect();
        assert_eq!(together(&[sparse]), []);
        assert_eq!(together(&[BTreeSet::new()]), []);
        assert_eq!(together(&[]), []);
    }

    #[test]
    fn what_one_call_of_many_writes_to_is_not_everybodys() {
        let usual: BTreeSet<u32> = (0..40).map(|n| n * 3).collect();
        let other: BTreeSet<u32> = usual.iter().copied().chain(1_000..2_000).collect();
        let alone = together(from_ref(&usual));
        assert!(!alone.is_empty());
        assert_eq!(together(&[usual.clone(), usual, other]), alone);
    }
}
