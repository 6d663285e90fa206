//! `morphospace screenshot`: the pictures of the README, from the real window drawn off screen.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Common, output};
use crate::app;
use crate::engine::EngineOptions;
use crate::error::Result;

/// Draw the pictures of the README
#[derive(Debug, Args)]
pub(super) struct Screenshot {
    /// Folder to write them to
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Which of them
    #[arg(long, value_enum, default_value_t)]
    part: app::Part,
}

impl Screenshot {
    pub(super) fn run(self, common: &Common) -> Result<()> {
        let engine = EngineOptions {
            device: common.device,
            seed: common.seed,
        };
        let files = app::screenshots(&self.out, engine, self.part)?;
        let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        output::print(common.json, &json!({ "files": files }));
        Ok(())
    }
}
