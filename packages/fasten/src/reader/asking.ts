// SPDX-License-Identifier: Apache-2.0
// Asking a reader elsewhere, without being able to be one: no store, no server, nothing of Node.js. Runs in a browser.

export type {
  Completeness,
  Page,
  PageQuery,
  Reader,
  ExpiredRow,
  ReaderRow,
  TailEvent,
  TailQuery,
  Thread,
} from './reader.ts'
export { remoteReader, type RemoteReaderOptions } from './remote.ts'

// Questions as text.
export { filterNamed, filterParameters, flags, type Parameter, type ParameterKind } from './parameters.ts'
export { canBeExcluded } from './exclusion.ts'
export { parsePageQuery, parseTailQuery, type ParameterProblem, type Parsed } from './query.ts'
export { chipsToSearch, queryParts, translate, type Chips, type QueryPart } from './translator.ts'

// What asked, spelled as the server expects it.
export { searchOfPage, searchOfTail } from './question-search.ts'

// Rows as text, and as a tree.
export { csvColumns, csvHeader, csvLine } from './csv.ts'
export { threadTree, type ThreadNode } from './thread-tree.ts'
export type { Trace, WaterfallEntry } from './waterfall.ts'

// What a row shows in a list.
export { durationText, markOf, titleOf, toneOf, type Tone } from './row-face.ts'

// What agents did, out of their rows.
export { agentCosts, type AgentCosts, type Grouping } from './agents/agent-costs.ts'
export { costIn, countIn, kindOf, type AgentRow, type AgentRowKind, type Sums } from './agents/agent-facts.ts'
export { agentTree, type AgentNode } from './agents/agent-tree.ts'
export { sumsOf, type TreeSums } from './agents/tree-sums.ts'
export { decimalText, type Decimal } from '../core/decimal.ts'
