// SPDX-License-Identifier: Apache-2.0
// The reader's door. Frameworks have doors of their own: fasten/reader/express and its siblings.

// The interface, and what it answers.
export type {
  Completeness,
  DoctorReport,
  Page,
  PageQuery,
  Reader,
  ExpiredRow,
  ReaderRow,
  TailEvent,
  TailQuery,
  Thread,
  VerifyRange,
} from './reader.ts'

// Ways to get a reader.
export { localReader, type LocalReaderOptions } from './local.ts'
export { remoteReader, type RemoteReaderOptions } from './remote.ts'
export { scope, type Scope } from './scope.ts'

// Questions as text.
export { filterParameters, flags, steering, type Parameter, type ParameterKind } from './parameters.ts'
export {
  filterFrom,
  parsePageQuery,
  parseParameters,
  parseTailQuery,
  parseVerifyRange,
  type ParameterProblem,
  type ParameterValues,
  type Parsed,
} from './query.ts'
export { pageParameters, tailParameters, verifyParameters, type ParameterSet } from './parameter-sets.ts'
export { chipsToSearch, translate, type Chips } from './translator.ts'

// Waiting that a signal cuts short, for followers.
export { pause } from './pause.ts'

// Rows as text, and in order.
export { csvColumns, csvHeader, csvLine } from './csv.ts'
export { exportText, type ExportFormat } from './export.ts'
export { readStory, type Story, type StoryOptions } from './story.ts'
export { mergeThread } from './thread.ts'
export { threadTree, type ThreadNode } from './thread-tree.ts'

// What a request led to, on one line of time.
export { readTrace, waterfallOf, type Trace, type Waterfall, type WaterfallEntry } from './waterfall.ts'
export type { ClockOffset } from './clock-offsets.ts'

// What others check without us.
export { logTile } from './log-tiles.ts'
export { proveRow, type RowProof } from './prove.ts'

// The HTTP API.
export {
  createReaderRouter,
  type Access,
  type ReaderHandler,
  type ReaderOptions,
  type ReaderSource,
} from './router.ts'
export { type Ask, type AuthorizeHook, type Decision } from './authorize.ts'
export { openapi } from './openapi.ts'
export type { Problem } from './problem.ts'
