//! The trained models that come with the program.
//!
//! Invariant: what is listed here loads; a test reads each.

use std::path::Path;

use super::file::ModelFile;
use crate::data::ImageShape;
use crate::error::Result;

/// A trained model inside the program itself.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Its name, also that of the built-in data it was trained on.
    pub name: &'static str,
    bytes: &'static [u8],
}

const SHIPPED: [Shipped; 2] = [
    Shipped {
        name: "faces",
        bytes: include_bytes!("../../assets/models/faces.safetensors"),
    },
    Shipped {
        name: "digits",
        bytes: include_bytes!("../../assets/models/digits.safetensors"),
    },
];

impl Shipped {
    /// All of them.
    #[must_use]
    pub fn all() -> &'static [Shipped] {
        &SHIPPED
    }

    /// Reads it.
    ///
    /// # Errors
    /// When the program was built from a damaged file.
    pub fn load(&self) -> Result<ModelFile> {
        ModelFile::from_bytes(self.bytes, Path::new(self.name))
    }
}

/// The model of a file or, where there is no such file, the shipped model of that name.
///
/// # Errors
/// As [`ModelFile::load`].
pub fn load_named(path: &Path) -> Result<ModelFile> {
    let shipped = SHIPPED
        .iter()
        .find(|s| Path::new(s.name) == path && !path.exists());
    shipped.map_or_else(|| ModelFile::load(path), Shipped::load)
}

/// The shipped model trained on the built-in data `name`, or else the one for pictures of `shape`.
#[must_use]
pub fn shipped_for(name: &str, shape: ImageShape) -> Option<ModelFile> {
    let models: Vec<ModelFile> = SHIPPED
        .iter()
        .filter_map(|s| s.load().ok())
        .filter(|f| f.spec.shape == shape)
        .collect();
    let by_name = models.iter().position(|f| f.provenance.data == name);
    models.into_iter().nth(by_name.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn what_is_shipped_loads_and_draws() {
        for shipped in Shipped::all() {
            let file = shipped.load().expect(shipped.name);
            let model = file.model(&Device::flex()).expect(shipped.name);
            let picture = model.decode(&file.statistics.mean).expect(shipped.name);
            assert_eq!(picture.len(), file.spec.shape.len());
            assert_eq!(
                shipped_for(shipped.name, file.spec.shape).map(|f| f.spec),
                Some(file.spec)
            );
        }
    }
}
