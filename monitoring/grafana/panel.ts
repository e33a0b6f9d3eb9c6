/** One panel of a dashboard. Each query has a legend, in which labels stand in braces. */
export type Panel = {
  readonly title: string;
  /** The text that an operator reads behind the information sign. */
  readonly about: string;
  readonly kind: 'stat' | 'gauge' | 'timeseries' | 'state-timeline';
  readonly unit: Unit;
  readonly queries: readonly (readonly [expr: string, legend: string])[];
  /**
   * `redFrom`: red from this value on. `redBelow`: red below this value. Both in the unit of the panel; without them
   * there is no colour.
   */
  readonly redFrom?: number;
  readonly redBelow?: number;
};

export type Unit =
  | 'percent'
  | 'percentunit'
  | 's'
  | 'ms'
  | 'bytes'
  | 'Bps'
  | 'short'
  | 'ops'
  | 'bool'
  | 'dateTimeFromNow';

export type PanelRow = { readonly title: string; readonly panels: readonly Panel[] };

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly about: string;
  readonly rows: readonly PanelRow[];
};

const WIDTH = 24;
const HEIGHT = 7;
const DATASOURCE = { type: 'prometheus', uid: 'prometheus' };

/** The dashboard as Grafana reads it. The panels of a row share its width. */
export function toGrafana({ uid, title, about, rows }: Dashboard): object {
  const panels = rows.flatMap((row, index) => {
    const y = index * (HEIGHT + 1);
    const width = Math.floor(WIDTH / row.panels.length);
    const header = {
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { h: 1, w: WIDTH, x: 0, y },
    };
    return [
      header,
      ...row.panels.map((panel, place) => ({
        ...panelOf(panel),
        gridPos: { h: HEIGHT, w: width, x: place * width, y: y + 1 },
      })),
    ];
  });
  return {
    uid,
    title,
    description: about,
    tags: ['jday'],
    timezone: 'browser',
    schemaVersion: 39,
    editable: false,
    graphTooltip: 1,
    refresh: '5s',
    time: { from: 'now-30m', to: 'now' },
    annotations: { list: [] },
    templating: { list: [] },
    links: [],
    panels: panels.map((panel, index) => ({ id: index + 1, ...panel })),
  };
}

function panelOf({ title, about, kind, unit, queries, redFrom, redBelow }: Panel): object {
  return {
    type: kind,
    title,
    description: about,
    datasource: DATASOURCE,
    targets: queries.map(([expr, legend], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat: legend,
      range: true,
    })),
    fieldConfig: {
      defaults: { unit, ...(kind === 'gauge' && { min: 0, max: 100 }), ...colours(redFrom, redBelow) },
      overrides: [],
    },
    options: OPTIONS[kind],
  };
}

function colours(redFrom: number | undefined, redBelow: number | undefined): object {
  if (redFrom === undefined && redBelow === undefined) return { color: { mode: 'palette-classic' } };
  const first = { color: redBelow === undefined ? 'green' : 'red', value: null };
  const then = { color: redBelow === undefined ? 'red' : 'green', value: redFrom ?? redBelow };
  return { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: [first, then] } };
}

const LAST = { calcs: ['lastNotNull'], fields: '', values: false };

const OPTIONS = {
  stat: { reduceOptions: LAST, colorMode: 'value', graphMode: 'area', textMode: 'auto' },
  gauge: { reduceOptions: LAST, showThresholdLabels: false, showThresholdMarkers: true },
  timeseries: {
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
  'state-timeline': {
    mergeValues: true,
    showValue: 'never',
    legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    tooltip: { mode: 'single', sort: 'none' },
  },
} as const;
