// A panel's queries, asked of a Prometheus as Grafana's data source does, and made ready to draw.

import {
  applyFieldOverrides, cacheFieldDisplayNames, type DataFrame, dateTime, type Field, type FieldConfigOptionsRegistry, FieldType,
  type GrafanaTheme2, rangeUtil, Registry, standardTransformers, standardTransformersRegistry, type TimeRange,
  toDataFrame, transformDataFrame,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

import type { Drawing, Shipped } from './schema';

export interface Input {
  board: Shipped;
  prometheus: string; // its address
  variables: Record<string, string>;
  range: string; // "30d": how far back
  scrape: number; // seconds from one scrape to the next
  width: number; // pixels
}

type Target = Drawing['targets'][number];
type Pair = [number, string];
interface Series {
  metric: Record<string, string>;
  value?: Pair;
  values?: Pair[];
}

const { mergeTransformer, organizeFieldsTransformer } = standardTransformers;
standardTransformersRegistry.setInit(() =>
  [mergeTransformer, organizeFieldsTransformer].map((transformation) => ({
    id: transformation.id, name: transformation.name, editor: () => null, transformation,
    imageDark: '', imageLight: '',
  })),
);

/** The hidden variables, too: the accounts that an expression yields now. */
export async function withPicks(input: Input, now: number): Promise<Input> {
  const variables = { ...input.variables };
  const time = timeOf({} as Drawing, input.range, now);
  for (const { name, query } of input.board.templating.list) {
    const text = typeof query === 'object' ? `${query.query}` : '';
    const asked = /^query_result\((.*)\)$/.exec(text);
    if (asked) {
      const series = await ask({ expr: asked[1], instant: true } as Target, input, time, 1);
      variables[name] = series.map(({ metric }) => metric.account.replace(/[^\w@-]/g, '\\\\$&')).join('|');
    }
  }
  return { ...input, variables };
}

/** The time of a panel: the last days, or the next ones. */
export function timeOf(panel: Drawing, range: string, now: number): TimeRange {
  const raw = rangeUtil.describeTextRange(panel.timeFrom ?? range);
  const seconds = rangeUtil.intervalToSeconds((panel.timeFrom ?? range).replace('+', ''));
  const ahead = panel.timeFrom?.startsWith('+');
  const [from, to] = ahead ? [now, now + seconds] : [now - seconds, now];
  return { from: dateTime(from * 1000), to: dateTime(to * 1000), raw: { from: raw.from, to: raw.to } };
}

/** The frames of a panel, with transformations and field settings applied. */
export async function framesOf(
  panel: Drawing, input: Input, time: TimeRange, points: number, theme: GrafanaTheme2,
): Promise<DataFrame[]> {
  const several = panel.targets.length > 1;
  const answers = await Promise.all(panel.targets.map((target) => ask(target, input, time, panel.maxDataPoints ?? points)));
  const frames = answers.flatMap((series, index) => {
    const target = panel.targets[index];
    return target.format === 'table' ? table(series, target, several) : series.map((each) => line(each, target));
  });
  const changed = await firstValueFrom(transformDataFrame(panel.transformations ?? [], frames));
  const applied = applyFieldOverrides({
    data: changed, fieldConfig: panel.fieldConfig as never, replaceVariables: (text) => text, theme,
    timeZone: 'utc', fieldConfigRegistry: settings(panel),
  });
  cacheFieldDisplayNames(applied);
  return applied;
}

async function ask(target: Target, input: Input, time: TimeRange, points: number): Promise<Series[]> {
  const [from, to] = [time.from.unix(), time.to.unix()];
  const step = Math.max(Math.round(rangeUtil.calculateInterval(time, points, `${input.scrape}s`).intervalMs / 1000), 1);
  const window = Math.max(step + input.scrape, 4 * input.scrape);
  const known: Record<string, string> = {
    ...input.variables, __rate_interval: `${window}s`, __range: `${to - from}s`,
  };
  const query = target.expr.replace(/\$(\w+)/g, (_, name: string) => known[name]);
  const start = Math.floor(from / step) * step;
  const times: Record<string, number> = target.instant
    ? { time: to }
    : { start, end: Math.floor(to / step) * step, step };
  const parameters = new URLSearchParams({ query, ...Object.fromEntries(Object.entries(times).map(([key, at]) => [key, `${at}`])) });
  const path = target.instant ? 'query' : 'query_range';
  const answer = await fetch(`${input.prometheus}/api/v1/${path}?${parameters}`);
  const { status, error, data } = await answer.json();
  if (status !== 'success') {
    throw new Error(`${query}: ${error}`);
  }
  return target.instant ? data.result : data.result.map((each: Series) => gapped(each, start, to, step));
}

/** As Grafana's data source does it: a step without a sample is null. */
function gapped(series: Series, start: number, end: number, step: number): Series {
  const known = new Map(series.values);
  const values: Pair[] = [];
  for (let at = start; at <= end; at += step) {
    values.push([at, known.get(at) ?? 'null']);
  }
  return { ...series, values };
}

function line(series: Series, target: Target): DataFrame {
  const pairs = series.values ?? (series.value ? [series.value] : []);
  const legend = (target.legendFormat ?? '').replace(/{{(\w+)}}/g, (_, label: string) => series.metric[label] ?? '');
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: pairs.map(([at]) => at * 1000), config: {} },
      {
        name: 'Value', type: FieldType.number, labels: series.metric, config: legend ? { displayNameFromDS: legend } : {},
        values: pairs.map(([, value]) => (value === 'null' ? null : Number(value))),
      },
    ],
  });
}

function table(series: Series[], target: Target, several: boolean): DataFrame[] {
  const labels = [...new Set(series.flatMap((each) => Object.keys(each.metric)))].sort();
  const text = (label: string) => ({
    name: label, type: FieldType.string, config: {}, values: series.map((each) => each.metric[label] ?? ''),
  });
  return [toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: series.map((each) => each.value![0] * 1000) },
      ...labels.map(text),
      {
        name: several ? `Value #${target.refId}` : 'Value', type: FieldType.number, config: {},
        values: series.map((each) => Number(each.value![1])),
      },
    ],
  })];
}

/** Every setting of a field that the panel makes, taken as it is. */
function settings(panel: Drawing): FieldConfigOptionsRegistry {
  const { defaults, overrides } = panel.fieldConfig;
  const ids = new Set([
    ...Object.keys(defaults).filter((key) => key !== 'custom'),
    ...Object.keys(defaults.custom ?? {}).map((key) => `custom.${key}`),
    ...overrides.flatMap((each) => each.properties.map((property) => property.id)),
  ]);
  return new Registry(() => [...ids].map((id) => ({
    id, path: id.replace(/^custom\./, ''), isCustom: id.startsWith('custom.'), name: id,
    editor: () => null, override: () => null, process: (value: unknown) => value, shouldApply: () => true,
  }))) as unknown as FieldConfigOptionsRegistry;
}

/** Its fields other than time. */
export function valuesOf(frame: DataFrame): Field[] {
  return frame.fields.filter((field) => field.type !== FieldType.time);
}
