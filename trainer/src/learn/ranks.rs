//! The processes that train one model together: this one alone, or as many as MPI has started.
//!
//! One step of several processes is one step of one process whose batch they share out: each works out the gradients of its
//! share, the gradients are summed, and with the sum, the same bits everywhere, each makes the same step of the optimiser.
//! MPI calls the processes ranks.

use anyhow::Result;
use std::ops::Range;

/// The processes that train one model together, as one of them sees them. All of them must ask for the same sums in the same
/// order.
pub trait Ranks {
    /// The number of this one, from 0.
    fn rank(&self) -> usize;

    /// How many there are.
    fn count(&self) -> usize;

    /// The number of this one among those on its machine, from 0.
    fn rank_on_machine(&self) -> usize;

    /// Replaces every number by its sum over all ranks, the same bits in each of them.
    ///
    /// # Errors
    /// If another rank is no longer there.
    fn sum(&self, values: &mut [f32]) -> Result<()>;

    /// Whether this is the one that validates, prints and writes.
    fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// Whether something is so in any rank.
    ///
    /// # Errors
    /// If another rank is no longer there.
    fn any(&self, here: bool) -> Result<bool> {
        let mut sum = [f32::from(u8::from(here))];
        self.sum(&mut sum)?;
        Ok(sum[0] > 0.0)
    }

    /// Whether all ranks have the same bytes; as many of them they must have.
    ///
    /// # Errors
    /// If another rank is no longer there.
    fn agree_on(&self, bytes: &[u8]) -> Result<bool> {
        // A sum to which only the first contributes is what the first has.
        let mine = bytes.iter().map(|&byte| f32::from(byte));
        let mut of_first: Vec<f32> = mine
            .clone()
            .map(|byte| if self.is_first() { byte } else { 0.0 })
            .collect();
        self.sum(&mut of_first)?;
        Ok(!self.any(!mine.eq(of_first))?)
    }

    /// Which of `n` things are this one's: as many as the other ranks have, or one more.
    fn share(&self, n: usize) -> Range<usize> {
        n * self.rank() / self.count()..n * (self.rank() + 1) / self.count()
    }

    /// What to say of them after the device that they compute on.
    fn to_text(&self) -> String {
        let threads = rayon::current_num_threads();
        match self.count() {
            1 => String::new(),
            count => format!(", {count} ranks, the first with {threads} threads"),
        }
    }
}

/// This process and no other.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Ranks for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn count(&self) -> usize {
        1
    }

    fn rank_on_machine(&self) -> usize {
        0
    }

    fn sum(&self, _: &mut [f32]) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rank(usize, usize);

    impl Ranks for Rank {
        fn rank(&self) -> usize {
            self.0
        }

        fn count(&self) -> usize {
            self.1
        }

        fn rank_on_machine(&self) -> usize {
            self.0
        }

        fn sum(&self, _: &mut [f32]) -> Result<()> {
            Ok(())
        }
    }

    #[test]
    fn shares_cover_everything_once_and_differ_by_one_at_most() {
        for count in 1..9 {
            for n in 0..40 {
                let shares: Vec<Range<usize>> =
                    (0..count).map(|i| Rank(i, count).share(n)).collect();
                assert!(shares.iter().cloned().flatten().eq(0..n), "{shares:?}");
                let sizes = shares.iter().map(ExactSizeIterator::len);
                assert!(sizes.clone().max() <= sizes.min().map(|least| least + 1));
            }
        }
    }
}
