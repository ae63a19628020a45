// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import type { ServePages } from '../pages.ts'
import { fullEnv } from '../places.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'ui'
export const summary = 'show the rows in a browser of this machine'
export const description =
  'Serves the pages of the package fasten-ui at 127.0.0.1 until Ctrl-C, over a file, a DSN or a reader elsewhere, whose token stays here. FASTEN_CODES names the files that explain codes. The printed address ' +
  'opens them in one browser, once; nobody else is told a row.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]
export const isLive = true
export const options: readonly OptionSpec[] = [
  {
    name: 'port',
    value: '<number>',
    summary: 'where to listen; 0 chooses a free one (default: 0)',
    range: [0, 65_535],
  },
  ...targetOptions,
]
export const examples = [
  ['fasten ui shop.db', 'a file'],
  ['fasten ui postgres://reader@db/shop', 'a database'],
  ['fasten ui --url https://host/api/v1/logs', 'a running service, with FASTEN_READER_TOKEN'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const target = targetOf(args, world.env, args.words[0])
  const [{ companion }, { openProvable }] = await Promise.all([
    import('../companion.ts'),
    import('../provable.ts'),
  ])
  const { servePages } = await companion<{ readonly servePages: ServePages }>('fasten-ui/node', world.cwd)
  const { reader, name: shown, proofOf } = await openProvable(target, world)
  try {
    await servePages({
      reader,
      name: shown,
      clock: world.clock,
      codes: (fullEnv(world.env)['FASTEN_CODES'] ?? '').split(',').flatMap((each) => each.trim() || []),
      proofOf,
      port: args.count('port') ?? 0,
      signal: world.signal,
      onListening: (address) => {
        void world.out.line(address)
        void world.err.line(`${shown} is shown there to the first browser that opens it; Ctrl-C ends it`)
      },
      onError: (error) => void world.err.line(String(error)),
    })
  } finally {
    await reader.close()
  }
  return exitCodes.ok
}
