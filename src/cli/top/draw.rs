//! The picture of `gossip top`: a head, the nodes, the messages, what happened.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, List, Paragraph, Row as TableRow, Table};

use super::{Order, Row, Scene};
use crate::cli::clock::age;
use crate::cli::listing::text_of;
use crate::protocol::Status;

/// How long a change is marked.
const FLASH: Duration = Duration::from_secs(1);

/// Narrower terminals have everything in one column.
const TWO_COLUMNS: u16 = 110;

/// Between two parts of the head.
const GAP: &str = "   ";

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, scene: &Scene, now: Timestamp) {
    let lines = head(scene, usize::from(frame.area().width));
    // The line below is left empty where there is room.
    let height = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(height), Constraint::Min(4), Constraint::Length(1)]).areas(frame.area());
    frame.render_widget(Paragraph::new(lines), head);
    let (nodes, rest) = if body.width >= TWO_COLUMNS {
        let [nodes, rest] = Layout::horizontal([Constraint::Percentage(55), Constraint::Percentage(45)]).areas(body);
        (nodes, rest)
    } else {
        let [nodes, rest] = Layout::vertical([Constraint::Percentage(55), Constraint::Percentage(45)]).areas(body);
        (nodes, rest)
    };
    let [messages, log] = Layout::vertical([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(rest);
    draw_nodes(frame, nodes, scene, now);
    draw_messages(frame, messages, scene);
    draw_log(frame, log, scene);
    let keys = " q quit   ↑ ↓ scroll   s sort   space hold";
    frame.render_widget(Paragraph::new(keys).dim(), foot);
}

/// What stands above all: as many lines as its parts need, none of which is cut where it fits a line by itself.
fn head(scene: &Scene, width: usize) -> Vec<Line<'static>> {
    let alive = scene.rows.values().filter(|row| row.status.is_live()).count();
    let peers: Vec<_> = scene.peers.iter().cloned().collect();
    let mut parts = vec![
        Span::raw("gossip").bold(),
        Span::raw(scene.title.clone()).bold().cyan(),
        Span::raw(format!("{alive} of {} nodes live", scene.rows.len())),
        Span::raw(format!("peers {} ({} of {})", scene.names.list(&peers), peers.len(), scene.max_peers)),
    ];
    if let Some(cut) = &scene.cut {
        parts.push(Span::raw(format!("CUT: {cut}; trying again")).red().bold());
    }
    let mut lines = flow(parts, width);
    if let Some(digest) = &scene.digest {
        let (received, new) = scene.rates;
        let copies = if new > 0.0 { received / new } else { 0.0 };
        let parts = [
            format!("cluster {}", digest.cluster),
            format!("version {}", digest.version),
            format!("messages {}", digest.messages),
            format!("received {received:.1}/s, new {new:.1}/s, copies {copies:.2}"),
            format!("repaired {}", digest.counters.repaired),
            format!("unanswered {}", digest.counters.failures),
        ];
        lines.extend(flow(parts.map(|part| Span::raw(part).dim()).to_vec(), width));
    }
    lines
}

/// Parts side by side, on as many lines as they need.
fn flow(parts: Vec<Span<'static>>, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.width() + GAP.len() + part.width() <= width => {
                line.push_span(Span::raw(GAP));
                line.push_span(part);
            }
            _ => lines.push(Line::from(vec![Span::raw(" "), part])),
        }
    }
    lines
}

fn draw_nodes(frame: &mut Frame<'_>, area: Rect, scene: &Scene, now: Timestamp) {
    let order = match scene.order {
        Order::Node => "node",
        Order::Age => "age",
        Order::Status => "status",
    };
    let rows = scene.sorted().into_iter().skip(scene.scroll).take(usize::from(area.height)).map(|(id, row)| {
        let mark = if scene.peers.contains(id) { "●" } else { " " };
        let cells = [
            format!("{mark} {}", scene.names.short(id)),
            row.status.name().to_owned(),
            row.version.to_string(),
            age(&row.updated_at, now),
            row.hops.to_string(),
            row.says.clone(),
        ];
        TableRow::new(cells).style(style(row))
    });
    let widths = [
        Constraint::Min(6),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(6),
        Constraint::Length(4),
        Constraint::Percentage(70),
    ];
    let head = TableRow::new(["  node", "status", "version", "age", "hops", "says"]).bold();
    let block = Block::bordered().title(format!(" nodes by {order} (● peers) ")).border_style(Style::new().dim());
    frame.render_widget(Table::new(rows, widths).header(head).block(block), area);
}

fn style(row: &Row) -> Style {
    let style = match row.status {
        Status::Alive => Style::new(),
        Status::Suspect => Style::new().fg(Color::Yellow),
        Status::Down => Style::new().fg(Color::Red),
        Status::Left | Status::Forgotten | Status::Unverified => Style::new().fg(Color::DarkGray),
    };
    let flashes = row.changed.is_some_and(|at| at.elapsed() < FLASH);
    if flashes { style.add_modifier(Modifier::BOLD).fg(Color::Green) } else { style }
}

fn draw_messages(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let room = usize::from(area.height.saturating_sub(2));
    let lines: Vec<Line<'_>> = scene
        .messages
        .iter()
        .rev()
        .take(room)
        .map(|message| {
            let path = message.paths.first().map_or(&[][..], |arrival| &arrival.path);
            let way: Vec<String> = path.iter().map(|id| scene.names.short(id)).collect();
            Line::from(vec![Span::raw(text_of(message)), Span::raw(format!("  {}", way.join(" ➜ "))).dim()])
        })
        .collect();
    let block = Block::bordered().title(" messages, newest first ").border_style(Style::new().dim());
    frame.render_widget(List::new(lines).block(block), area);
}

fn draw_log(frame: &mut Frame<'_>, area: Rect, scene: &Scene) {
    let room = usize::from(area.height.saturating_sub(2));
    let lines: Vec<&str> = scene.log.iter().rev().take(room).map(String::as_str).collect();
    let block = Block::bordered().title(" what happens, newest first ").border_style(Style::new().dim());
    frame.render_widget(List::new(lines).block(block), area);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_go_to_the_next_line_where_the_terminal_is_narrow() {
        let parts = || vec![Span::raw("gossip"), Span::raw("16 of 16 nodes live"), Span::raw("peers 2, 3 (2 of 3)")];
        let shown = |width: usize| flow(parts(), width).iter().map(ToString::to_string).collect::<Vec<String>>();
        assert_eq!(shown(80), [" gossip   16 of 16 nodes live   peers 2, 3 (2 of 3)"]);
        assert_eq!(shown(40), [" gossip   16 of 16 nodes live", " peers 2, 3 (2 of 3)"]);
        assert_eq!(shown(20), [" gossip", " 16 of 16 nodes live", " peers 2, 3 (2 of 3)"]);
    }
}
