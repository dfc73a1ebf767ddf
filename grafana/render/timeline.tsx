// States over time. Grafana's own component for them is not published: this draws them on its plot.

import { type DataFrame, type Field, getFieldDisplayName } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleOrientation } from '@grafana/schema';
import { UPlotChart, UPlotConfigBuilder, useTheme2 } from '@grafana/ui';
import type uPlot from 'uplot';

import { valuesOf } from './data';
import type { Props } from './drawing';

interface Span {
  from: number;
  to: number;
  text: string;
  color: string;
}

export function Timeline({ frames, time, width, height }: Props) {
  const theme = useTheme2();
  const rows = frames.map((frame) => ({
    name: getFieldDisplayName(valuesOf(frame)[0], frame, frames), spans: spansOf(frame),
  }));
  const config = new UPlotConfigBuilder('utc');
  config.addScale({
    scaleKey: 'x', isTime: true, orientation: ScaleOrientation.Horizontal, direction: ScaleDirection.Right,
    range: () => [time.from.valueOf(), time.to.valueOf()],
  });
  config.addAxis({ scaleKey: 'x', isTime: true, placement: AxisPlacement.Bottom, timeZone: 'utc', theme, grid: { show: true } });
  config.addHook('draw', (plot) => paint(plot, rows, theme.typography.fontFamily, theme.colors.text.primary));
  const names = Math.min(Math.max(...rows.map((row) => row.name.length)) * 7.5 + 12, width / 3);
  return (
    <div style={{ display: 'flex' }}>
      <div style={{ width: names, height: height - 28, display: 'flex', flexDirection: 'column' }}>
        {rows.map((row, index) => (
          <div key={index} style={{ flex: 1, display: 'flex', alignItems: 'center', justifyContent: 'end', paddingRight: 8, fontSize: 12 }}>
            {row.name}
          </div>
        ))}
      </div>
      <UPlotChart
        data={[frames[0].fields[0].values] as unknown as uPlot.AlignedData} config={config}
        width={width - names} height={height}
      />
    </div>
  );
}

/** Equal values that follow each other are one span; where there is none, there is a gap. */
function spansOf(frame: DataFrame): Span[] {
  const field: Field = valuesOf(frame)[0];
  const times: number[] = frame.fields[0].values;
  const step = times.length > 1 ? times[1] - times[0] : 60_000;
  const spans: Span[] = [];
  times.forEach((at, index) => {
    const value = field.values[index];
    if (value === null) {
      return;
    }
    const { text, color } = field.display!(value);
    const last = spans.at(-1);
    if (last && last.text === text && at - last.to <= step) {
      last.to = at + step;
    } else {
      spans.push({ from: at, to: at + step, text, color: color! });
    }
  });
  return spans;
}

function paint(plot: uPlot, rows: Array<{ spans: Span[] }>, font: string, ink: string) {
  const { ctx, bbox } = plot;
  const height = bbox.height / rows.length;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.font = `${12 * devicePixelRatio}px ${font}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'left';
  rows.forEach(({ spans }, row) => {
    const top = bbox.top + row * height + height * 0.1;
    for (const span of spans) {
      const [left, right] = [plot.valToPos(span.from, 'x', true), plot.valToPos(span.to, 'x', true)];
      ctx.globalAlpha = 0.8;
      ctx.fillStyle = span.color;
      ctx.fillRect(left, top, right - left, height * 0.8);
      ctx.globalAlpha = 1;
      ctx.fillStyle = ink;
      if (ctx.measureText(span.text).width + 8 < right - left) {
        ctx.fillText(span.text, Math.max(left, bbox.left) + 6 * devicePixelRatio, top + height * 0.4);
      }
    }
  });
  ctx.restore();
}
