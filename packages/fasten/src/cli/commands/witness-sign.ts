// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { witnessOptions } from '../witness-options.ts'

export const name = 'witness sign'
export const summary = 'be a witness across an air gap: answer a request file with a cosignature'
export const description =
  'Reads what fasten witness request wrote, cosigns it if it continues what this witness saw last, remembers it, and prints the cosignature for ' +
  'fasten witness accept. Its own key goes to standard error.'
export const options: readonly OptionSpec[] = [
  { name: 'in', value: '<file>', summary: 'the request', isFile: true },
  {
    name: 'out',
    short: 'o',
    value: '<file>',
    summary: 'where to write the answer; standard output otherwise',
    isFile: true,
  },
  ...witnessOptions,
]

export async function run(args: Args, world: World): Promise<number> {
  const [{ witnessOf }, { fileText }, { writeFile }, { resolve }] = await Promise.all([
    import('../witness-options.ts'),
    import('../signing.ts'),
    import('node:fs/promises'),
    import('node:path'),
  ])
  const file = args.text('in')
  if (file === undefined) throw usageError('BAD_OPTION', 'a request is needed', { hint: 'give --in FILE' })
  const { key, answer } = witnessOf(args, world)
  const { status, body } = answer(fileText('in', file, world))
  await world.err.line(`witness ${key}`)
  if (status !== 200) {
    throw new FastenError(
      'WITNESS_REFUSED',
      status === 409 ? `this witness saw ${body.trim()} rows last` : body.trim(),
      {
        at: file,
        hint:
          status === 409
            ? `write the request anew with --old ${body.trim()}`
            : 'ask the operator for an explanation',
      },
    )
  }
  const out = args.text('out')
  if (out === undefined) await world.out.write(body)
  else await writeFile(resolve(world.cwd, out), body)
  return exitCodes.ok
}
