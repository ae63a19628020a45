// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../core/log-name.ts'
import { streams, type StreamName } from '../core/row.ts'
import type { Verdict } from '../core/verdict.ts'
import type { Reader } from '../reader/reader.ts'
import { usageError } from './command.ts'

/** A row somebody wrote down: its log (or just the stream where one log has it), its place, and the beginning of its hash. */
export interface Citation {
  readonly text: string
  readonly log: string | undefined
  readonly stream: StreamName
  readonly monotonic_seq: number
  readonly hash: string
}

export interface CitationVerdict {
  /** As given. */
  readonly citation: string
  readonly log: string
  readonly monotonic_seq: number
  readonly expected_hash: string
  /** Null when no such row is stored. */
  readonly found_hash: string | null
  readonly holds: boolean
}

/** Reads `log#seq:hash` or `stream#seq:hash`; a hash may be cut to its first 8 characters. Throws `BAD_OPTION`. */
export function parseCitation(text: string): Citation {
  const match = /^(.+)#(\d{1,15}):([0-9a-f]{8,64})$/i.exec(text.trim())
  const [where = '', seq = '', hash = ''] = match?.slice(1) ?? []
  const log = parseLogName(where)
  const stream = log?.stream ?? streams.find((each) => each === where)
  if (match === null || stream === undefined) {
    throw usageError('BAD_OPTION', `--expect is ${JSON.stringify(text)}`, {
      hint: 'write it as _/gateway/edge-07/audit#8414:5ff73e2e or audit#8414:5ff73e2e',
    })
  }
  const parsed = { text, stream, monotonic_seq: Number(seq), hash: hash.toLowerCase() }
  return { ...parsed, log: log === undefined ? undefined : where }
}

/**
 * Whether each cited row is stored with the cited hash. A citation by stream alone needs exactly one log of that stream in
 * the verdict; where there are several it throws `BAD_OPTION` and names them.
 */
export async function judgeCitations(
  citations: readonly Citation[],
  verdict: Verdict,
  reader: Reader,
): Promise<readonly CitationVerdict[]> {
  const judged: CitationVerdict[] = []
  for (const citation of citations) {
    const log = citation.log ?? onlyLog(citation, verdict)
    const row = log === undefined ? null : await reader.row({ log, monotonic_seq: citation.monotonic_seq })
    judged.push({
      citation: citation.text,
      log: log ?? citation.stream,
      monotonic_seq: citation.monotonic_seq,
      expected_hash: citation.hash,
      found_hash: row?.hash ?? null,
      holds: row?.hash?.startsWith(citation.hash) ?? false,
    })
  }
  return judged
}

function onlyLog(citation: Citation, verdict: Verdict): string | undefined {
  const logs = verdict.logs
    .map(({ log }) => log)
    .filter((log) => parseLogName(log)?.stream === citation.stream)
  if (logs.length <= 1) return logs[0]
  throw usageError('BAD_OPTION', `--expect ${citation.text} could mean any of ${logs.length} logs`, {
    hint: `name one, as in ${logs[0]}#${citation.monotonic_seq}:${citation.hash}`,
  })
}
