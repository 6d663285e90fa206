//! Behaviour from outside: the command line, the engine, the window and hostile files. One binary, so that it links once.

mod classify;
mod command_line;
mod data;
mod driver;
mod engine;
mod factors;
mod memorise;
mod mixture;
mod parity;
mod probe;
#[cfg(feature = "qdrant")]
mod qdrant;
mod retrieval;
mod scale;
mod training;
mod window;
mod window_benches;
mod window_factors;
mod window_features;
mod window_index;
mod window_map;
mod window_measures;
mod window_memorisation;
mod window_mixture;
mod window_path;
mod window_retrieval;
mod window_selection;
mod window_session;
