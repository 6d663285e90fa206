//! The selection of many items: made, combined, named, written to files.
//!
//! Invariant: the view's selections speak of the items that are loaded, or are empty.

use std::path::PathBuf;

use eframe::egui::Context;

use super::application::App;
use super::command::Choice;
use super::state::Level;
use super::view::{Change, Colouring, Sought};
use crate::engine::Request;
use crate::space::{NamedSelection, Selection};

impl App {
    /// Selects items.
    pub(super) fn choose(&mut self, ctx: &Context, items: &Selection, how: Choice) {
        let n = self.state.items();
        let mut chosen = Selection::none(n);
        if how != Choice::Replace {
            chosen.add(&self.view.selection);
        }
        match how {
            Choice::Replace | Choice::Add => chosen.add(items),
            Choice::Subtract => chosen.subtract(items),
        }
        chosen.resize(n);
        if chosen == self.view.selection || (chosen.is_empty() && self.view.selection.is_empty()) {
            return;
        }
        self.record(ctx, Change::Selection);
        self.view.selection = chosen;
        if self.view.lookup.sought == Sought::Selection {
            self.look_up();
        }
    }

    /// Keeps the selection under `name`; one of that name is replaced.
    pub(super) fn name_selection(&mut self, ctx: &Context, name: String) {
        if self.view.selection.is_empty() {
            let text = "Select some items first: shift-drag on the map";
            return self.tell(ctx, Level::Info, text.to_owned());
        }
        self.record(ctx, Change::Lists);
        let selection = self.view.selection.clone();
        match self.view.named.iter_mut().find(|s| s.name == name) {
            Some(named) => named.selection = selection,
            None => self.view.named.push(NamedSelection { name, selection }),
        }
    }

    /// Writes the selected items, or all where none are selected, to a file.
    pub(super) fn export_selection(&mut self, path: PathBuf) {
        let items = if self.view.selection.is_empty() {
            let mut all = Selection::none(self.state.items());
            all.invert();
            all
        } else {
            self.view.selection.clone()
        };
        self.engine.request(Request::ExportItems { items, path });
    }

    /// Asks for the model beside principal components.
    pub(super) fn measure_components(&mut self) {
        self.state.linear_asked = Some(self.state.session.id);
        self.engine.request(Request::MeasureComponents);
    }

    /// Asks for what the map's colours show, where that takes work.
    pub(super) fn measure_if_needed(&mut self) {
        let session = &self.state.session;
        if self.view.colouring == Colouring::Error
            && session.is_encoded
            && session.item_errors.is_none()
        {
            self.engine.request(Request::MeasureItems);
        }
    }
}
