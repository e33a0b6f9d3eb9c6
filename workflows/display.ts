import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { progressOf } from '../domain/progress-of.ts';
import type { RunState } from '../domain/run-state.ts';
import { statusPage } from '../domain/status-page.ts';
import { dayName } from '../domain/timeline.ts';
import { SEARCH_ATTRIBUTES } from './names.ts';
import { metrics } from './sinks.ts';

const PHASE = defineSearchAttributeKey(SEARCH_ATTRIBUTES.phase, SearchAttributeType.KEYWORD);
const AUTHORITY = defineSearchAttributeKey(SEARCH_ATTRIBUTES.authority, SearchAttributeType.KEYWORD);
const DAY = defineSearchAttributeKey(SEARCH_ATTRIBUTES.day, SearchAttributeType.KEYWORD);

/**
 * Shows a state in the Temporal UI. The details page costs no event; search attributes cost one, so they are
 * written when they change, and not at all on a server that does not know them (the upsert would fail the run).
 */
export function createDisplay(): (state: RunState, searchable: boolean) => void {
  let written = '';
  return (state, searchable) => {
    const nowMs = Date.now();
    setCurrentDetails(statusPage(state, workflowInfo().workflowId, nowMs));
    metrics.progress(progressOf(state, nowMs));
    const day = dayName(state.plan, state.startedAtMs, nowMs);
    const next = [state.phase, state.authority, day].join(' ');
    if (!searchable || next === written) return;
    written = next;
    upsertSearchAttributes([
      { key: PHASE, value: state.phase },
      { key: AUTHORITY, value: state.authority },
      { key: DAY, value: day },
    ]);
  };
}
