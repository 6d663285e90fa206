//! What everything looks like: one table of tokens per theme, and the one place where egui is told about it.
//!
//! Invariant: no other file of the window names a colour, a font size or a corner radius of its own.

use eframe::egui::{
    self, Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle,
    Theme, Vec2,
};

/// The colours of one theme.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Tokens {
    /// Behind everything: bars, gaps, the tab strips.
    pub base: Color32,
    /// Panels.
    pub surface: Color32,
    /// Cards and controls on a panel.
    pub raised: Color32,
    /// Controls under the pointer.
    pub hover: Color32,
    /// Wells that content lies in: map, picture, text fields.
    pub well: Color32,
    /// Hairlines.
    pub line: Color32,
    /// Lines that have to be seen.
    pub line_strong: Color32,
    /// Headings and values.
    pub text_strong: Color32,
    /// Running text.
    pub text: Color32,
    /// Labels and captions.
    pub text_weak: Color32,
    /// Hints and disabled text.
    pub text_faint: Color32,
    /// The one accent.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// A tint of the accent, for selected rows.
    pub accent_soft: Color32,
    /// Agreement, success.
    pub good: Color32,
    /// Mismatch, caution.
    pub warn: Color32,
    /// Failure.
    pub bad: Color32,
    /// A second series beside the accent.
    pub second: Color32,
    /// Whether this is the dark theme.
    pub is_dark: bool,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

#[expect(
    clippy::unreadable_literal,
    reason = "colours are written as on the web"
)]
const DARK: Tokens = Tokens {
    base: rgb(0x0b0d12),
    surface: rgb(0x12151c),
    raised: rgb(0x1b1f29),
    hover: rgb(0x252b38),
    well: rgb(0x0d1016),
    line: rgb(0x202530),
    line_strong: rgb(0x333b4a),
    text_strong: rgb(0xf2f4f8),
    text: rgb(0xc6ccd8),
    text_weak: rgb(0x8b94a7),
    text_faint: rgb(0x5d6678),
    accent: rgb(0x6ea8fe),
    on_accent: rgb(0x081224),
    accent_soft: rgb(0x1b2a47),
    good: rgb(0x3fc99a),
    warn: rgb(0xf2a64b),
    bad: rgb(0xf26d6d),
    second: rgb(0xe69f00),
    is_dark: true,
};

#[expect(
    clippy::unreadable_literal,
    reason = "colours are written as on the web"
)]
const LIGHT: Tokens = Tokens {
    base: rgb(0xe9ecf1),
    surface: rgb(0xfafbfc),
    raised: rgb(0xeef1f5),
    hover: rgb(0xe1e6ee),
    well: rgb(0xffffff),
    line: rgb(0xe1e5ec),
    line_strong: rgb(0xc3cad6),
    text_strong: rgb(0x10141c),
    text: rgb(0x333b49),
    text_weak: rgb(0x636d7e),
    text_faint: rgb(0x939cac),
    accent: rgb(0x1f6feb),
    on_accent: rgb(0xffffff),
    accent_soft: rgb(0xdde9fd),
    good: rgb(0x0a8f65),
    warn: rgb(0xb86200),
    bad: rgb(0xc93636),
    second: rgb(0xc47a00),
    is_dark: false,
};

/// Half a grid step, in points.
pub(crate) const HALF: f32 = 4.0;
/// One grid step.
pub(crate) const STEP: f32 = 8.0;
/// Two grid steps.
pub(crate) const DOUBLE: f32 = 16.0;
/// Corner radius of controls and pictures.
pub(crate) const RADIUS: u8 = 6;
/// Corner radius of small marks such as thumbnails and chips.
pub(crate) const RADIUS_SMALL: u8 = 4;
/// Height of a control.
pub(crate) const CONTROL_HEIGHT: f32 = 24.0;

/// Type scale.
pub(crate) const CAPTION: f32 = 11.0;
/// Type scale.
pub(crate) const BODY: f32 = 12.5;
/// Type scale.
pub(crate) const TITLE: f32 = 14.5;
/// Type scale, icons of empty states.
pub(crate) const DISPLAY: f32 = 32.0;

/// The family of headings and values.
pub(crate) fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// A font of the type scale in the heading family.
pub(crate) fn strong(size: f32) -> FontId {
    FontId::new(size, semibold())
}

/// A font of the type scale in the running family.
pub(crate) fn regular(size: f32) -> FontId {
    FontId::proportional(size)
}

impl Tokens {
    /// The table of `theme`.
    pub(crate) fn of(theme: Theme) -> &'static Self {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// The table of the theme that is shown.
    pub(crate) fn current(ctx: &egui::Context) -> &'static Self {
        Self::of(ctx.theme())
    }

    fn style(&self) -> Style {
        let text_styles = [
            (TextStyle::Small, regular(CAPTION)),
            (TextStyle::Body, regular(BODY)),
            (TextStyle::Button, regular(BODY)),
            (TextStyle::Heading, strong(TITLE)),
            (TextStyle::Monospace, regular(BODY)),
        ];
        let mut style = Style {
            text_styles: text_styles.into(),
            visuals: self.visuals(),
            animation_time: 0.12,
            ..Style::default()
        };
        let spacing = &mut style.spacing;
        spacing.item_spacing = Vec2::new(STEP, 6.0);
        spacing.button_padding = Vec2::new(10.0, HALF);
        spacing.interact_size = Vec2::new(28.0, CONTROL_HEIGHT);
        spacing.menu_margin = Margin::same(6);
        spacing.window_margin = Margin::same(16);
        spacing.combo_width = 64.0;
        spacing.tooltip_width = 320.0;
        spacing.icon_width = 16.0;
        spacing.icon_width_inner = 9.0;
        spacing.scroll.bar_width = 6.0;
        spacing.scroll.floating_width = 4.0;
        style.interaction.selectable_labels = false;
        style.interaction.tooltip_delay = 0.35;
        style
    }

    fn visuals(&self) -> egui::Visuals {
        let mut v = if self.is_dark {
            egui::Visuals::dark()
        } else {
            egui::Visuals::light()
        };
        let radius = CornerRadius::same(RADIUS);
        v.panel_fill = self.surface;
        v.window_fill = self.surface;
        v.window_stroke = Stroke::new(1.0, self.line_strong);
        v.window_corner_radius = CornerRadius::same(RADIUS + 2);
        v.menu_corner_radius = CornerRadius::same(RADIUS + 2);
        let shade = Color32::from_black_alpha(if self.is_dark { 120 } else { 40 });
        let shadow = Shadow {
            offset: [0, 8],
            blur: 24,
            spread: 0,
            color: shade,
        };
        v.window_shadow = shadow;
        v.popup_shadow = shadow;
        v.extreme_bg_color = self.well;
        v.faint_bg_color = self.raised;
        v.code_bg_color = self.raised;
        v.text_edit_bg_color = Some(self.well);
        v.warn_fg_color = self.warn;
        v.error_fg_color = self.bad;
        v.hyperlink_color = self.accent;
        v.weak_text_color = Some(self.text_weak);
        v.selection.bg_fill = self.accent_soft;
        v.selection.stroke = Stroke::new(1.0, self.accent);
        v.slider_trailing_fill = true;
        v.indent_has_left_vline = false;
        v.disabled_alpha = 0.45;
        v.interact_cursor = None;

        let widgets = &mut v.widgets;
        let set = |w: &mut egui::style::WidgetVisuals, fill, line, text| {
            w.bg_fill = fill;
            w.weak_bg_fill = fill;
            w.bg_stroke = Stroke::new(1.0, line);
            w.fg_stroke = Stroke::new(1.0, text);
            w.corner_radius = radius;
            w.expansion = 0.0;
        };
        set(
            &mut widgets.noninteractive,
            self.surface,
            self.line,
            self.text,
        );
        set(
            &mut widgets.inactive,
            self.raised,
            Color32::TRANSPARENT,
            self.text,
        );
        set(
            &mut widgets.hovered,
            self.hover,
            self.line_strong,
            self.text_strong,
        );
        set(
            &mut widgets.active,
            self.hover,
            self.accent,
            self.text_strong,
        );
        set(
            &mut widgets.open,
            self.hover,
            self.line_strong,
            self.text_strong,
        );
        v
    }
}

/// Hands both themes and the fonts to egui.
pub(crate) fn install(ctx: &egui::Context) {
    ctx.set_fonts(super::fonts::definitions());
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(theme, Tokens::of(theme).style());
    }
}
