// The part of Grafana's types that the dashboards use: `npm run schema` turns it into a JSON Schema.
// Options and custom fields are partial: Grafana fills in its defaults.

import type {
  AnnotationQuery, Dashboard, DataQuery, DataTransformerConfig, FieldConfig, FieldConfigSource, Panel, RowPanel, VariableModel,
} from '@grafana/schema';
import type * as bargauge from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type * as stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as timeline from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type * as table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as timeseries from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

type Defaults<Custom> = Omit<FieldConfig, 'custom'> & { custom?: Partial<Custom> };

interface Drawn<Type extends string, Options, Custom>
  extends Omit<Panel, 'type' | 'options' | 'fieldConfig' | 'targets' | 'transformations'> {
  type: Type;
  options?: Partial<Options>;
  fieldConfig: Omit<FieldConfigSource, 'defaults'> & { defaults: Defaults<Custom> };
  targets: Query[];
  transformations?: DataTransformerConfig[];
}

// The data source's own parts, which this package does not publish.
interface Query extends DataQuery {
  expr: string;
  format?: 'time_series' | 'table' | 'heatmap';
  instant: boolean;
  interval?: string;
  legendFormat?: string;
  range: boolean;
}

type Annotation = AnnotationQuery<Query> & { titleFormat: string; textFormat: string };
type None = Record<string, never>;

export type Drawing =
  | Drawn<'bargauge', bargauge.Options, None>
  | Drawn<'stat', stat.Options, None>
  | Drawn<'state-timeline', timeline.Options, timeline.FieldConfig>
  | Drawn<'table', table.Options, table.FieldConfig>
  | Drawn<'timeseries', timeseries.Options, timeseries.FieldConfig>;

export interface Shipped extends Omit<Dashboard, 'panels' | 'annotations' | 'templating'> {
  panels: Array<Drawing | (Omit<RowPanel, 'panels'> & { panels: [] })>;
  annotations?: { list?: Annotation[] };
  templating: { list: VariableModel[] };
}
