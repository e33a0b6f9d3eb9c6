import { jsonOf, repositoryFiles } from '../house/repository.ts';

export type PanelQuery = { readonly dashboard: string; readonly panel: string; readonly expr: string };

type DashboardFile = {
  readonly title: string;
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
};

/** Returns every query of every panel of the dashboards that Grafana reads. */
export function panelQueries(): readonly PanelQuery[] {
  return repositoryFiles()
    .filter((path) => path.startsWith('monitoring/grafana/dashboards/'))
    .map((path) => jsonOf<DashboardFile>(path))
    .flatMap(({ title: dashboard, panels }) =>
      panels.flatMap(({ title: panel, targets = [] }) =>
        targets.map(({ expr }) => ({ dashboard, panel, expr })),
      ),
    );
}
