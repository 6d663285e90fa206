//! The auto-encoders in burn: specification, networks, objectives, optimisation step, weights on disk.

mod animate;
mod auto_encoder;
mod binary;
mod classifier;
pub(crate) mod codes_file;
mod config;
mod convolution;
mod depthwise;
mod evaluate;
mod families;
mod features;
mod file;
mod finite;
mod flow;
mod import;
mod initial;
mod interruption;
mod layout;
mod likelihood;
mod memorise;
mod network;
mod objective;
mod ops;
mod optimizer;
mod preset;
mod pretraining;
mod prior;
mod probe;
mod refine;
mod shipped;
mod spec;
#[cfg(test)]
mod testing;
mod trainer;

pub(crate) use crate::files::{folder_of, write_atomically};
pub(crate) use animate::mixed;
pub use animate::{Animated, animate, crossfade_of, originals_of, shape_of};
pub use auto_encoder::{AutoEncoder, Posteriors};
pub use classifier::{
    BudgetErrors, Classifier, ClassifierPlan, Compared, Comparison, Errors, Fitted, ItemsOf,
    Pretrained, Varied,
};
pub use config::{LossPoint, TrainConfig};
pub use evaluate::{
    Evaluation, class_error, derivative_norm, evaluate, log_likelihoods, reconstruction_error,
};
pub use families::{Families, Family, FamilyFigures, FamilyPlan, Trained};
pub use features::{FeatureMaps, Features, WayOut, squared_error};
pub use file::{CodeStatistics, ModelFile, Precision, Provenance};
pub use interruption::interruptible;
pub use memorise::{
    Copies, FoldedOut, LIKELIHOOD_SAMPLES, MOST_FOLDS, MOST_SAMPLES, Memorised, Suspects, memorise,
};
pub use preset::Preset;
pub use pretraining::{Pretraining, StagePoint, Teacher};
pub use prior::CodePrior;
pub use probe::{ProbePlan, Probed, Share, Sides, Told, VISIBLE, rows_of_named, seed_of_others};
pub use refine::Refinement;
pub use shipped::{Shipped, load_named, shipped_for};
pub use spec::{
    CodeKind, Condition, ConditionKind, Flow, Likelihood, ModelSpec, Network, Objective, Pooling,
    Prior, SPEC_VERSION, Stage, Unit, Unpooling,
};
pub use trainer::{Meanwhile, Trainer};
