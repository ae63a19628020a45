// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../core/row.ts'
import {
  filterNamed,
  filterParameters,
  filtersOf,
  searchTextMax,
  steering,
  type Parameter,
} from './parameters.ts'

/** The parameters a question takes, and those it cannot do without. */
export interface ParameterSet {
  readonly parameters: readonly Parameter[]
  readonly required?: readonly string[]
}

/** What `/audit`, `/sys` and `/api` take. */
export function pageParameters(stream: StreamName): ParameterSet {
  const { limit, offset, cursor, after, order, total, disclose } = steering
  const further = stream === 'audit' ? [disclose] : []
  return { parameters: [...filtersOf(stream), limit, offset, cursor, after, order, total, ...further] }
}

/** A tail follows from now on, so it has no window. */
export const tailParameters: ParameterSet = {
  parameters: [
    steering.streams,
    ...filterParameters.filter(({ name }) => name !== 'since' && name !== 'until'),
    steering.backlog,
    steering.resume,
  ],
}

export const verifyParameters: ParameterSet = {
  parameters: [
    { ...named('log'), summary: 'One log, by its full name; all when absent.' },
    steering.stream,
    steering.from_seq,
    steering.to_seq,
  ],
}

export const exportParameters: ParameterSet = {
  parameters: [
    steering.stream,
    steering.format,
    ...filterParameters,
    steering.order,
    limitOf(Number.MAX_SAFE_INTEGER, undefined, 'How many rows at most; all when absent.'),
  ],
}

export const correlateParameters: ParameterSet = {
  parameters: [named('request_id'), steering.limit],
  required: ['request_id'],
}

export const threadParameters: ParameterSet = {
  parameters: [
    named('request_id'),
    limitOf(1000, 1000, 'How many rows of each stream at most.'),
    steering.disclose,
  ],
  required: ['request_id'],
}

/** A search reads every row of its window, so it must have one, and answers less than a page. */
export const searchParameters: ParameterSet = {
  parameters: [
    {
      ...named('q'),
      kind: { type: 'text', lengthMax: searchTextMax },
      summary: 'Case-insensitive substring of the row as JSON text.',
    },
    named('since'),
    named('until'),
    named('tenant_id'),
    named('service_id'),
    named('source_node_id'),
    {
      ...steering.streams,
      kind: { type: 'streams', default: ['sys'] },
      summary: 'Comma-separated subset of audit, sys and api; sys unless said otherwise.',
    },
    limitOf(200, 50, 'How many matches of each stream at most.'),
  ],
  required: ['q', 'since'],
}

export const topologyParameters: ParameterSet = { parameters: [named('since'), named('until')] }

export const placeParameters: ParameterSet = {
  parameters: [named('log'), steering.monotonic_seq, steering.disclose],
  required: ['log', 'monotonic_seq'],
}

export const rowParameters: ParameterSet = { parameters: [steering.disclose] }

export const noParameters: ParameterSet = { parameters: [] }

function limitOf(max: number, standard: number | undefined, summary: string): Parameter {
  const kind = {
    type: 'integer',
    min: 1,
    max,
    ...(standard === undefined ? {} : { default: standard }),
  } as const
  return { ...steering.limit, kind, summary }
}

function named(name: string): Parameter {
  const found = filterNamed(name)
  if (found === undefined) throw new TypeError(`there is no filter parameter ${name}`)
  return found
}
