//! What pictures without labels are worth to a classifier: errors by the number of labels, with and without pre-training.
//!
//! Invariant: both curves are of the same network, labels and order; what is drawn is what the table says.

use eframe::egui::{
    self, Button, ComboBox, DragValue, Frame, Grid, Margin, RichText, ScrollArea, TextEdit, Ui,
    WidgetInfo,
};
use egui_plot::{AxisHints, GridMark, Line, PlotPoints, Points, uniform_grid_spacer};

use super::measures_plots::nice;
use super::{Cx, Panel, progress_ui, task};
use crate::app::command::{Action, Choice, Command, Outbox};
use crate::app::fonts::icon;
use crate::app::format;
use crate::app::theme::{self, Tokens};
use crate::app::widgets::{
    caption, command_button, empty_ui, icon_button, primary_button, set_name, still_plot, within,
};
use crate::data::{Corruption, Dataset, DatasetSource};
use crate::engine::{Judged, Kinship, Labelled, TRAINING_CLASSIFIERS};
use crate::model::{
    BudgetErrors, ClassifierPlan, Compared, Comparison, Errors, Pretraining, Teacher, Varied,
};
use crate::space::Selection;

/// Space before what stands in the panel.
const MARGIN: f32 = 12.0;
/// Height of the plot.
const HEIGHT: f32 = 190.0;
/// Width of the plot, at least and at most.
const WIDTHS: (f32, f32) = (240.0, 520.0);

/// The panel.
pub(super) struct LabelsPanel {
    teacher: Teacher,
    /// Units of the hidden layers, as they are written.
    hidden: String,
    pretrain_epochs: usize,
    epochs: usize,
    /// Share of the pixels that are masked while labels are told.
    masked: f32,
    seeds: usize,
    seed: u64,
    /// Label budgets that are not wanted.
    left_out: Vec<Option<usize>>,
}

impl Default for LabelsPanel {
    fn default() -> Self {
        Self {
            teacher: Teacher::AutoEncoder,
            hidden: "1000-1000-500".to_owned(),
            pretrain_epochs: 6,
            epochs: 25,
            masked: 0.2,
            seeds: 1,
            seed: 1,
            left_out: Vec::new(),
        }
    }
}

impl Panel for LabelsPanel {
    fn show_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>) {
        let Some(data) = cx.state.session.dataset.clone() else {
            let text = "Open pictures with classes: the same classifier is trained on few of their labels and on many, with and without having seen all pictures before";
            empty_ui(
                ui,
                cx.tokens,
                icon::TAG,
                "Nothing to learn from",
                text,
                |ui| {
                    command_button(ui, Command::OpenData, true, cx.out);
                },
            );
            return;
        };
        if data.labels().is_none() {
            let text = "A folder with a sub-folder per class has them, and so has a table beside the data with a column called label";
            empty_ui(
                ui,
                cx.tokens,
                icon::TAG,
                "These items have no classes",
                text,
                |ui| {
                    command_button(ui, Command::OpenDigits, true, cx.out);
                },
            );
            return;
        }
        ui.add_space(6.0);
        self.header_ui(ui, cx, &data);
        let labelled = cx.state.session.labelled.clone();
        let found = labelled.filter(|found| !found.compared.budgets.is_empty());
        let Some(found) = found else {
            let title = if task(cx, TRAINING_CLASSIFIERS).is_some() {
                TRAINING_CLASSIFIERS
            } else if cx.state.session.labelled.is_some() {
                "Nothing of this comparison is trained yet"
            } else {
                "What are pictures without labels worth?"
            };
            let text = "The hidden layers learn to make again what they see of all pictures; then labels are told. Beside it the same network begins from random weights. Rows appear here one after another";
            empty_ui(ui, cx.tokens, icon::TAG, title, text, |_| {});
            return;
        };
        ScrollArea::both().auto_shrink(false).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.add_space(MARGIN);
                ui.vertical(|ui| found_ui(ui, cx.tokens, &found, data.len(), cx.out));
            });
        });
    }
}

impl LabelsPanel {
    /// The units of each hidden layer; nothing where what is written is none.
    fn units(&self) -> Option<Vec<usize>> {
        let each = self.hidden.split([',', '-', ' ']).filter(|t| !t.is_empty());
        let units: Vec<usize> = each.map(|t| t.parse().ok()).collect::<Option<_>>()?;
        let is_possible =
            (1..=16).contains(&units.len()) && units.iter().all(|n| (1..=8192).contains(n));
        is_possible.then_some(units)
    }

    fn header_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        if task(cx, TRAINING_CLASSIFIERS).is_some() {
            ui.horizontal(|ui| {
                ui.add_space(MARGIN);
                progress_ui(ui, cx, TRAINING_CLASSIFIERS);
                save_ui(ui, cx);
            });
            ui.add_space(theme::HALF);
            return;
        }
        // A row that wraps begins where the first does.
        let margin = Frame::new().inner_margin(Margin::symmetric(MARGIN as i8, 0));
        margin.show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                self.network_ui(ui);
                self.training_ui(ui);
            });
            ui.add_space(theme::HALF);
            ui.horizontal_wrapped(|ui| self.budgets_ui(ui, cx, data));
        });
        ui.add_space(theme::HALF);
    }

    /// The numbers of labels, and the button that begins.
    fn budgets_ui(&mut self, ui: &mut Ui, cx: &mut Cx<'_>, data: &Dataset) {
        let tokens = cx.tokens;
        ui.label(RichText::new("Labels").color(tokens.text_weak));
        let budgets = Comparison::budgets_for(data.len());
        for budget in &budgets {
            let name = budget.map_or("all".to_owned(), format::count);
            let is_on = !self.left_out.contains(budget);
            let chip = ui.add(Button::selectable(is_on, RichText::new(&name)));
            set_name(&chip, &format!("Tell {name} labels"));
            if chip.on_hover_text("A row for this many labels").clicked() {
                if is_on {
                    self.left_out.push(*budget);
                } else {
                    self.left_out.retain(|own| own != budget);
                }
            }
        }
        let mut budgets = budgets;
        budgets.retain(|budget| !self.left_out.contains(budget));
        let units = self.units();
        let source = cx.state.session.source_of_more();
        let test = source.and_then(DatasetSource::unseen);
        let counted = test.as_ref().map_or(
            "a sixth of the items, which is kept out".to_owned(),
            |test| format!("the items of {}", test.name()),
        );
        let reason = if cx.state.is_training() {
            Some("A training is under way; end it first".to_owned())
        } else if units.is_none() {
            Some(
                "Units of the hidden layers are numbers from 1 to 8,192, such as 1000-1000-500"
                    .to_owned(),
            )
        } else if budgets.is_empty() {
            Some("Choose a number of labels".to_owned())
        } else {
            None
        };
        let tip = reason.clone().unwrap_or_else(|| {
            let replaced = match cx.state.session.labelled {
                Some(_) => ". What is below makes way for it",
                None => "",
            };
            format!(
                "Train all; errors are counted on {counted}. It can be cancelled and gone on with{replaced}"
            )
        });
        ui.add_enabled_ui(reason.is_none(), |ui| {
            let is_pressed = primary_button(ui, tokens, icon::PLAY, "Compare", &tip);
            if let Some(hidden) = units.filter(|_| is_pressed) {
                let comparison = self.comparison(hidden, budgets, test);
                cx.out.act(Action::CompareLabels(comparison));
            }
        });
        files_ui(ui, cx);
    }

    fn network_ui(&mut self, ui: &mut Ui) {
        let is_right = self.units().is_some();
        let hidden = TextEdit::singleline(&mut self.hidden).desired_width(116.0);
        let colour = (!is_right).then_some(ui.visuals().warn_fg_color);
        let hidden = ui.add(hidden.text_color_opt(colour));
        set_name(&hidden, "Hidden layers");
        hidden.on_hover_text("Units of each hidden layer, from the picture inwards");
        within(ui, 150.0, |ui| {
            let combo = ComboBox::from_id_salt("teacher")
                .selected_text(self.teacher.title())
                .width(132.0);
            let combo = combo.show_ui(ui, |ui| {
                for teacher in Teacher::ALL {
                    ui.selectable_value(&mut self.teacher, teacher, teacher.title());
                }
            });
            set_name(&combo.response, "Pre-training by");
            let tip = "How each hidden layer learns without labels";
            combo.response.on_hover_text(tip);
        });
    }

    fn training_ui(&mut self, ui: &mut Ui) {
        let number = DragValue::new(&mut self.pretrain_epochs).range(1..=1000);
        let number = ui.add(number.speed(0.1).suffix(" epochs a layer"));
        set_name(&number, "Epochs of pre-training");
        number.on_hover_text("Passes over all pictures in pre-training, for each layer");
        let number = DragValue::new(&mut self.epochs).range(1..=1000);
        let number = ui.add(number.speed(0.1).suffix(" epochs"));
        set_name(&number, "Epochs with labels");
        number.on_hover_text(
            "Passes over the items with labels; few of them are passed over more often, for 1,000 steps at least",
        );
        let number = DragValue::new(&mut self.masked).range(0.0..=0.9);
        let number = ui.add(number.speed(0.01).prefix("masked "));
        set_name(&number, "Share of masked pixels");
        number.on_hover_text("Share of the pixels that are masked while labels are told");
        let suffix = if self.seeds == 1 { " run" } else { " runs" };
        let number = DragValue::new(&mut self.seeds).range(1..=20).speed(0.1);
        let number = ui.add(number.suffix(suffix));
        set_name(&number, "Runs");
        number.on_hover_text(
            "Trainings of each, with one seed after another: other weights, labels and order; the interval is over them where there are several",
        );
        let number = ui.add(DragValue::new(&mut self.seed).speed(0.1).prefix("seed "));
        set_name(&number, "First seed");
        number.on_hover_text("Seed of the first run");
    }

    fn comparison(
        &self,
        hidden: Vec<usize>,
        budgets: Vec<Option<usize>>,
        test: Option<DatasetSource>,
    ) -> Comparison {
        Comparison {
            plan: ClassifierPlan {
                hidden,
                pretraining: Some(Pretraining {
                    teacher: self.teacher,
                    epochs: self.pretrain_epochs,
                }),
                epochs: self.epochs,
                corruption: (self.masked > 0.0).then_some((Corruption::Masking, self.masked)),
                seed: self.seed,
                ..ClassifierPlan::default()
            },
            budgets,
            seeds: self.seeds,
            test,
        }
    }
}

/// Going on with what was left off, and the comparison's way to files.
fn files_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let labelled = cx.state.session.labelled.as_ref();
    let is_left_off = labelled.is_some_and(|own| !own.compared.is_complete());
    if is_left_off {
        ui.add_enabled_ui(!cx.state.is_training(), |ui| {
            let button = ui.button(format!("{}  Go on", icon::STEP));
            set_name(&button, "Go on");
            let tip = "Do what is left of the comparison below; the trainings that are done stay";
            if button.on_hover_text(tip).clicked() {
                cx.out.act(Action::ResumeLabels);
            }
        });
    }
    save_ui(ui, cx);
    icon_button(ui, icon::FILE_OPEN, Command::OpenLabels, cx.out);
}

fn save_ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    if cx.state.session.labelled.is_some() {
        icon_button(ui, icon::SAVE, Command::SaveLabels, cx.out);
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn found_ui(ui: &mut Ui, tokens: &Tokens, found: &Labelled, items: usize, out: &mut Outbox) {
    let compared = &found.compared;
    plot_ui(ui, tokens, &compared.budgets);
    ui.add_space(theme::STEP);
    table_ui(ui, tokens, &compared.budgets);
    ui.add_space(theme::HALF);
    caption(ui, tokens, &about(compared));
    if !compared.is_complete() {
        let pairs = compared.comparison.budgets.len() * compared.comparison.seeds;
        let [done, all] = [compared.pairs(), pairs].map(|pairs| format::count(2 * pairs));
        caption(ui, tokens, &format!("{done} of {all} trainings are done"));
    }
    for note in &compared.notes {
        ui.label(RichText::new(note).size(theme::CAPTION).color(tokens.warn));
    }
    ui.add_space(theme::STEP);
    match &found.judged {
        Some(Ok(judged)) => {
            let classifier = compared.classifier.as_ref();
            let labels = classifier.and_then(|own| own.plan().labels);
            judged_ui(ui, tokens, judged, labels, items, out);
        }
        Some(Err(error)) => {
            let text = format!("The open items cannot be judged: {error}");
            caption(ui, tokens, &text);
        }
        None => {}
    }
}

/// What was learnt from and counted on, and how.
fn about(compared: &Compared) -> String {
    let comparison = &compared.comparison;
    let plan = &comparison.plan;
    let over = |which| compared.budgets.iter().filter(move |row| row.over == which);
    let most = over(Varied::Seeds).map(|row| row.random.test.len()).max();
    let over = match (most, over(Varied::TestItems).next()) {
        (None, _) => "the items, of one seed".to_owned(),
        (Some(most), None) => format!("{most} seeds"),
        (Some(most), Some(_)) => format!("{most} seeds, or over the items where there is one"),
    };
    let seeds = match comparison.seeds {
        1 => format!("seed {}", plan.seed),
        n => format!(
            "seeds {} to {}",
            plan.seed,
            plan.seed.wrapping_add(n as u64 - 1)
        ),
    };
    let units: Vec<String> = plan.hidden.iter().map(usize::to_string).collect();
    let kept_out = if comparison.test.is_some() {
        ""
    } else {
        " kept out"
    };
    let [train, validation] = compared.parts();
    format!(
        "Errors on {} items{kept_out} of {}; learnt from {} of {}, weights chosen on {} others; hidden layers {}, {seeds}. 95 % intervals over {over}.",
        format::count(compared.test.count),
        compared.test.name,
        format::count(train),
        compared.learnt.name,
        format::count(validation),
        units.join("-"),
    )
}

/// How often the classifier that is kept, and was told so many labels or all, is wrong about the open items.
fn judged_ui(
    ui: &mut Ui,
    tokens: &Tokens,
    judged: &Judged,
    labels: Option<usize>,
    items: usize,
    out: &mut Outbox,
) {
    let labels = labels.map_or("all".to_owned(), format::count);
    let kinship = match judged.kinship {
        Kinship::Learnt => "It has seen these in training.",
        Kinship::Parted => "It has seen five in six of these in training.",
        Kinship::Test => "Its errors were counted on these.",
        Kinship::Others => {
            "They are another set than it learnt from, which may have items in common."
        }
    };
    let missed = judged.missed.len();
    let (many, share) = match missed {
        0 => ("none".to_owned(), String::new()),
        _ => (
            format::count(missed),
            format!(" ({})", percent(missed as f64 / items.max(1) as f64)),
        ),
    };
    let text = format!(
        "Told {labels} labels, the pre-trained network takes {many} of the {} open items for another class{share}. {kinship}",
        format::count(items),
    );
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(text).color(tokens.text));
        if missed == 0 {
            return;
        }
        let button = ui.button("Select them");
        set_name(&button, "Select the items it takes for another class");
        let tip = "Select these items, on the map and in every list";
        if button.on_hover_text(tip).clicked() {
            out.act(Action::Choose {
                items: Selection::from_ids(items, judged.missed.iter().copied()),
                how: Choice::Replace,
            });
        }
    });
}

fn table_ui(ui: &mut Ui, tokens: &Tokens, rows: &[BudgetErrors]) {
    let heads = [
        (
            "Labels",
            "How many labels the network was told, of each class as many",
        ),
        (
            "From random",
            "Error of the network that began from random weights; ± its standard deviation over seeds, where there are several",
        ),
        (
            "Pre-trained",
            "Error of the network whose hidden layers had seen all pictures before",
        ),
        (
            "Lower by",
            "Difference of the two errors in percentage points, with its 95 % interval: pre-training helped where that lies above 0",
        ),
        ("", ""),
    ];
    Grid::new("labels")
        .num_columns(heads.len())
        .spacing([18.0, theme::HALF])
        .show(ui, |ui| {
            for (name, tip) in heads {
                let text = RichText::new(name).size(theme::CAPTION);
                let label = ui.label(text.color(tokens.text_weak));
                if !tip.is_empty() {
                    label.on_hover_text(tip);
                }
            }
            ui.end_row();
            for row in rows {
                let told = |errors: &Errors| {
                    let (mean, deviation) = errors.summary();
                    let spread =
                        deviation.map_or(String::new(), |d| format!(" ± {:.2}", 100.0 * d));
                    format!("{:.2}{spread} %", 100.0 * mean)
                };
                let strong = |text: String| RichText::new(text).color(tokens.text_strong);
                ui.label(strong(format::count(row.labels)).font(theme::strong(theme::BODY)));
                ui.label(strong(told(&row.random)));
                ui.label(strong(told(&row.pretrained)));
                let [mean, low, high] = row.gain;
                let interval = format!("{:.2} to {:.2}", 100.0 * low, 100.0 * high);
                ui.label(strong(percent(mean)));
                let (verdict, colour) = if low > 0.0 {
                    ("pre-training helps", tokens.good)
                } else if high < 0.0 {
                    ("pre-training harms", tokens.warn)
                } else {
                    ("no clear difference", tokens.text_weak)
                };
                ui.horizontal(|ui| {
                    ui.label(RichText::new(interval).color(tokens.text_weak));
                    ui.label(RichText::new(verdict).size(theme::CAPTION).color(colour));
                });
                ui.end_row();
            }
        });
}

/// Errors over the number of labels, which grows by powers of ten.
fn plot_ui(ui: &mut Ui, tokens: &Tokens, rows: &[BudgetErrors]) {
    type Of = fn(&BudgetErrors) -> &Errors;
    let arms: [(&str, egui::Color32, Of); 2] = [
        ("From random", tokens.second, |row| &row.random),
        ("Pre-trained", tokens.accent, |row| &row.pretrained),
    ];
    ui.horizontal(|ui| {
        for (name, colour, _) in arms {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(8.0, 8.0), egui::Sense::hover());
            ui.painter().circle_filled(rect.center(), 4.0, colour);
            caption(ui, tokens, name);
        }
        ui.add_space(theme::STEP);
        caption(ui, tokens, "Error, %, by the number of labels");
    });
    let at = |row: &BudgetErrors| (row.labels.max(1) as f64).log10();
    let highest = rows
        .iter()
        .flat_map(|row| [row.random.summary().0, row.pretrained.summary().0])
        .fold(0.0, f64::max);
    let top = 100.0 * highest.max(0.001) * 1.1;
    let places: Vec<f64> = rows.iter().map(at).collect();
    let (first, last) = (
        places.iter().copied().fold(f64::INFINITY, f64::min),
        places.iter().copied().fold(0.0, f64::max),
    );
    let width = (ui.available_width() - 2.0 * theme::DOUBLE).clamp(WIDTHS.0, WIDTHS.1);
    // A mark so near the next that both could not be read gives way to it.
    let mut marks = places.clone();
    marks.sort_by(f64::total_cmp);
    let next = marks.clone();
    let mut next = next.iter().skip(1);
    marks.retain(|mark| next.next().is_none_or(|next| next - mark > 0.25));
    let plot = still_plot("labels", tokens)
        .height(HEIGHT)
        .width(width)
        .x_grid_spacer(move |_| {
            let mark = |value: &f64| GridMark {
                value: *value,
                step_size: 1.0,
            };
            marks.iter().map(mark).collect()
        })
        .y_grid_spacer(uniform_grid_spacer(move |_| {
            let step = nice(top / 4.0);
            [step, step, step]
        }))
        .custom_y_axes(vec![
            AxisHints::new_y()
                .min_thickness(32.0)
                .formatter(|mark, _| format::number(mark.value as f32)),
        ])
        .custom_x_axes(vec![AxisHints::new_x().formatter(|mark, _| {
            format::count(10.0_f64.powf(mark.value).round() as usize)
        })]);
    let response = plot.show(ui, |plot| {
        plot.set_plot_bounds_x(first - 0.15..=last + 0.15);
        plot.set_plot_bounds_y(0.0..=top);
        for (name, colour, of) in arms {
            let points: Vec<[f64; 2]> = rows
                .iter()
                .map(|row| [at(row), 100.0 * of(row).summary().0])
                .collect();
            let line: PlotPoints<'_> = points.clone().into();
            plot.line(Line::new(name, line).color(colour).width(2.0));
            plot.points(
                Points::new(name, PlotPoints::from(points))
                    .color(colour)
                    .radius(3.5),
            );
        }
    });
    response.response.widget_info(|| {
        WidgetInfo::labeled(
            egui::Role::Image,
            true,
            "Plot: errors by the number of labels",
        )
    });
}
