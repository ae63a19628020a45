// SPDX-License-Identifier: Apache-2.0
import type { PackInput } from '../../packages/fasten/src/core/fixtures/answer-pack.ts'
import { packCases } from './pack.ts'

/** A pack, changed in one place. */
export interface PackMutant {
  readonly what: string
  readonly input: PackInput
}

/** Sound packs of every sort, by the vector they stand in. */
export function packsToMutate(): readonly { readonly name: string; readonly input: PackInput }[] {
  return [
    'whole-log_pass',
    'part-of-a-log_pass',
    'selected-rows_pass',
    'witnesses_pass',
    'older-checkpoints_pass',
    'expired-explained_pass',
    'erased-explained_pass',
    'details-expired_pass',
    'rotated-key_pass',
    'continued_pass',
  ].map((name) => {
    // Of erasures the second, in which values are gone.
    const input = packCases[name]?.checks[name.startsWith('erased') ? 1 : 0]?.input
    if (input === undefined) throw new TypeError(`there is no vector ${name}`)
    return { name, input }
  })
}

/**
 * Every file left out, emptied, cut in half; every line left out, said twice, changed places with the next; and in every file each `stride`-th
 * byte with one bit changed, left out, put in twice. Leaving a line out of selected rows is no forgery: nobody
 * claims that they are all. With a `stride` above 100 every fifth line only.
 */
export function* packMutants({ files, ...given }: PackInput, stride: number): Generator<PackMutant> {
  const isSelection = !Object.keys(files).some((path) => path.startsWith('hashes/'))
  for (const [path, content] of Object.entries(files)) {
    if (typeof content !== 'string') continue
    const put = (what: string, changed: string | Uint8Array | undefined): PackMutant => {
      const { [path]: _, ...rest } = files
      const file =
        typeof changed === 'string' ? changed : { base64: Buffer.from(changed ?? []).toString('base64') }
      return {
        what: `${path}: ${what}`,
        input: { ...given, files: changed === undefined ? rest : { ...rest, [path]: file } },
      }
    }
    yield put('left out', undefined)
    yield put('emptied', '')
    yield put('cut in half', content.slice(0, content.length / 2))
    const lines = content.split('\n').slice(0, -1)
    const joined = (changed: readonly string[]): string => changed.map((line) => `${line}\n`).join('')
    for (const [at, line] of lines.entries()) {
      // A quick run takes some of the lines.
      if (stride > 100 && at % 5 > 0) continue
      if (!isSelection || path !== 'rows.jsonl')
        yield put(`line ${at} left out`, joined(lines.toSpliced(at, 1)))
      yield put(`line ${at} twice`, joined(lines.toSpliced(at, 0, line)))
      if (at > 0)
        yield put(
          `line ${at} before the one above`,
          joined(lines.toSpliced(at, 1).toSpliced(at - 1, 0, line)),
        )
    }
    const bytes = Buffer.from(content)
    for (let at = 0; at < bytes.length; at += stride) {
      const byte = bytes[at] ?? 0
      yield put(`bit ${at % 8} of byte ${at}`, bytes.with(at, byte ^ (1 << (at % 8))))
      yield put(`byte ${at} left out`, Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]))
      yield put(`byte ${at} twice`, Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]))
    }
  }
}
