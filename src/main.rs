//! Reads the command line, starts logging, hands over.

use std::process::ExitCode;

/// Large tensors come and go with every training step; this allocator does not give their pages back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    morphospace::cli::run()
}
