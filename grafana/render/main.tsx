// A whole dashboard, once, for a picture: the grid, the panels' frames, and the choices on top.

import { createTheme, type DataFrame, type TimeRange } from '@grafana/data';
import { GlobalStyles, PanelChrome, ThemeContext, useTheme2 } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

import { framesOf, type Input, timeOf, withPicks } from './data';
import { Draw } from './drawing';
import type { Drawing } from './schema';

const CELL = { height: 30, gap: 8 };
const HEADER = 96;

interface Ready {
  panel: Drawing;
  frames: DataFrame[];
  time: TimeRange;
}

function place(input: Input, { x, y, w, h }: { x: number; y: number; w: number; h: number }) {
  const column = (input.width - CELL.gap) / 24;
  return {
    left: CELL.gap + x * column, top: HEADER + y * (CELL.height + CELL.gap),
    width: w * column - CELL.gap, height: h * (CELL.height + CELL.gap) - CELL.gap,
  };
}

function Board({ input, ready }: { input: Input; ready: Map<number, Ready> }) {
  const theme = useTheme2();
  const bottom = Math.max(...input.board.panels.map(({ gridPos }) => gridPos!.y + gridPos!.h));
  const height = HEADER + bottom * (CELL.height + CELL.gap);
  return (
    <div style={{ position: 'relative', width: input.width, height, background: theme.colors.background.canvas }} id="board" data-height={height}>
      <Header input={input} />
      {input.board.panels.map((panel) => {
        const box = place(input, panel.gridPos!);
        const found = ready.get(panel.id!);
        return (
          <div key={panel.id} style={{ position: 'absolute', ...box }}>
            {found ? (
              <PanelChrome title={panel.title} width={box.width} height={box.height}>
                {(width, height) => <Draw {...found} width={width} height={height} />}
              </PanelChrome>
            ) : (
              <div style={{ fontSize: 16, fontWeight: 500, paddingTop: 5 }}>{panel.title}</div>
            )}
          </div>
        );
      })}
    </div>
  );
}

function Header({ input }: { input: Input }) {
  const theme = useTheme2();
  const shown = input.board.templating.list.filter((each) => !each.hide).map((each) => [each.label, chosen(input, each.name)]);
  const choices = [...shown, ['Time', `last ${input.range}`]];
  return (
    <div style={{ padding: '12px 10px' }}>
      <div style={{ fontSize: 20, fontWeight: 500, marginBottom: 10 }}>{input.board.title}</div>
      <div style={{ display: 'flex', gap: 8 }}>
        {choices.map(([label, value]) => (
          <span key={label} style={{ border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, fontSize: 12 }}>
            <span style={{ padding: '4px 8px', display: 'inline-block', background: theme.colors.background.secondary }}>{label}</span>
            <span style={{ padding: '4px 8px', display: 'inline-block' }}>{value}</span>
          </span>
        ))}
      </div>
    </div>
  );
}

function chosen(input: Input, name: string): string {
  const value = input.variables[name] ?? 'Prometheus';
  return value === '.*' ? 'All' : value;
}

async function main(asked: Input) {
  const theme = createTheme({ colors: { mode: 'dark' } });
  const now = Math.floor(Date.now() / 1000);
  const input = await withPicks(asked, now);
  const drawn = input.board.panels.filter((panel): panel is Drawing => panel.type !== 'row');
  const ready = new Map<number, Ready>();
  for (const panel of drawn) {
    const time = timeOf(panel, input.range, now);
    const points = place(input, panel.gridPos!).width;
    ready.set(panel.id!, { panel, time, frames: await framesOf(panel, input, time, points, theme) });
  }
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Board input={input} ready={ready} />
    </ThemeContext.Provider>,
  );
}

declare global {
  interface Window {
    input: Input;
  }
}

main(window.input).catch((error: Error) => {
  document.getElementById('root')!.textContent = String(error.stack ?? error);
});
