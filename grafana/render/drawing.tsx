// Each kind of panel, drawn by the component that Grafana draws it with.

import {
  type DataFrame, type DisplayValueAlignmentFactors, type FieldDisplay, type GrafanaTheme2, getDisplayValueAlignmentFactors,
  getFieldDisplayValues, type TimeRange, VizOrientation,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, useTheme2, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';

import type { Drawing } from './schema';
import { Timeline } from './timeline';

export interface Props {
  panel: Drawing;
  frames: DataFrame[];
  time: TimeRange;
  width: number;
  height: number;
}

export function Draw(props: Props) {
  const { panel, frames } = props;
  const empty = !frames.some((frame) => frame.length > 0);
  if (empty && panel.type !== 'stat') {
    return <Nothing {...props} />;
  }
  switch (panel.type) {
    case 'stat':
      return <Stat {...props} />;
    case 'bargauge':
      return <Gauges {...props} />;
    case 'timeseries':
      return <Graph {...props} />;
    case 'table':
      return <Listing {...props} />;
    case 'state-timeline':
      return <Timeline {...props} />;
  }
}

function Nothing({ panel, width, height }: Props) {
  const theme = useTheme2();
  return (
    <div style={{ width, height, display: 'grid', placeItems: 'center', color: theme.colors.text.secondary }}>
      {panel.fieldConfig.defaults.noValue ?? 'No data'}
    </div>
  );
}

function displays({ panel, frames }: Props, theme: GrafanaTheme2): FieldDisplay[] {
  return getFieldDisplayValues({
    data: frames, fieldConfig: panel.fieldConfig as never, reduceOptions: { calcs: ['lastNotNull'], values: false },
    replaceVariables: (text) => text, theme, timeZone: 'utc',
  });
}

function Stat(props: Props) {
  const theme = useTheme2();
  const { width, height } = props;
  const options = props.panel.options as { textMode: never; colorMode: never; graphMode: never; justifyMode: never; text: never };
  return (
    <BigValue
      theme={theme} width={width} height={height} value={displays(props, theme)[0].display}
      textMode={options.textMode} colorMode={options.colorMode} graphMode={options.graphMode}
      justifyMode={options.justifyMode} text={options.text} disableWideLayout
    />
  );
}

function Gauges(props: Props) {
  const theme = useTheme2();
  const { panel, width, height } = props;
  const options = panel.options as { displayMode: never; valueMode: never; namePlacement: never; minVizHeight: number; maxVizHeight: number; text: never };
  return (
    <VizRepeater<FieldDisplay, DisplayValueAlignmentFactors>
      source={props} renderCounter={0} width={width} height={height} orientation={VizOrientation.Horizontal}
      getValues={() => displays(props, theme)} minVizHeight={options.minVizHeight} maxVizHeight={options.maxVizHeight} itemSpacing={6}
      getAlignmentFactors={(values) => getDisplayValueAlignmentFactors(values)}
      renderValue={({ value, width, height, alignmentFactors }) => (
        <BarGauge
          theme={theme} width={width} height={height} value={value.display} field={value.field} display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
          orientation={VizOrientation.Horizontal} displayMode={options.displayMode} valueDisplayMode={options.valueMode}
          namePlacement={options.namePlacement} showUnfilled alignmentFactors={alignmentFactors} text={options.text} isOverflow={false}
        />
      )}
    />
  );
}

function Graph({ panel, frames, time, width, height }: Props) {
  const options = panel.options as { legend: never };
  return <TimeSeries frames={frames} timeRange={time} timeZone="utc" width={width} height={height} legend={options.legend} options={options} />;
}

function Listing({ panel, frames, time, width, height }: Props) {
  const options = panel.options as { cellHeight: never; sortBy: [] };
  return (
    <TableNG
      data={frames[0]} width={width} height={height} timeRange={time} cellHeight={options.cellHeight}
      initialSortBy={options.sortBy} enableVirtualization={false} fieldConfig={panel.fieldConfig as never}
    />
  );
}
