//! Letting what cannot wait in between the layers of long work on the CPU.
//!
//! The layers run inside burn's own passes forward and backward, which pass nothing of ours along; so the callback belongs
//! to the thread. Invariant: it is there only while [`interruptible`] does its work, and never runs within itself.

use std::cell::RefCell;
use std::rc::Rc;

thread_local! {
    static MEANWHILE: RefCell<Option<Rc<dyn Fn()>>> = const { RefCell::new(None) };
}

/// Does `work` and, on the CPU, calls `meanwhile` on the same thread between one layer and the next, so that what cannot
/// wait for the end of a training step, or of a batch, need not. `meanwhile` may use networks, but not train them.
pub fn interruptible<R>(meanwhile: Rc<dyn Fn()>, work: impl FnOnce() -> R) -> R {
    /// Puts back what was there before, also when `work` panics.
    struct Restore(Option<Rc<dyn Fn()>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MEANWHILE.set(self.0.take());
        }
    }
    let _restore = Restore(MEANWHILE.replace(Some(meanwhile)));
    work()
}

/// A moment between two layers.
pub(super) fn breathe() {
    // Taken out for the time of the call, so that the layers it uses itself do not call it again.
    if let Some(meanwhile) = MEANWHILE.take() {
        meanwhile();
        MEANWHILE.set(Some(meanwhile));
    }
}
