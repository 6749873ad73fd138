//! The user's wish to stop, handed to the calls in flight.

use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Gives every call a token that a stop cancels; calls that begin after a stop are not touched by it.
#[derive(Debug, Default)]
pub struct Stops {
    current: Mutex<CancellationToken>,
}

impl Stops {
    /// A token for one call.
    pub fn token(&self) -> CancellationToken {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).child_token()
    }

    /// Cancels the tokens of all calls in flight.
    pub fn stop(&self) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *current).cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reaches_the_calls_in_flight_and_no_later_one() {
        let stops = Stops::default();
        let (one, two) = (stops.token(), stops.token());
        stops.stop();
        assert!(one.is_cancelled() && two.is_cancelled());
        assert!(!stops.token().is_cancelled());
    }
}
