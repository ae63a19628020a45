// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec, World } from './command.ts'
import type { Place } from './places.ts'
import { targetOf, targetOptions } from './target.ts'

/** Quarantine lies on the disk of the host that writes, so there is no URL to name. */
export const quarantineOptions: readonly OptionSpec[] = targetOptions.filter(
  (option) => option.name === 'store',
)

export interface QuarantineRoot {
  readonly root: string
  readonly place: Place
}

/** The spool folders of the stores a command line means, each once, with the store it belongs to. */
export async function quarantineRoots(
  args: Args,
  world: World,
  word?: string,
): Promise<readonly QuarantineRoot[]> {
  const [{ placesOf }, { spoolRootOf }] = await Promise.all([
    import('./places.ts'),
    import('./spool-root.ts'),
  ])
  const roots = new Map<string, Place>()
  for (const place of placesOf(targetOf(args, world.env, word), world.env)) {
    const root = spoolRootOf(place, world.env)
    if (!roots.has(root)) roots.set(root, place)
  }
  return Array.from(roots, ([root, place]) => ({ root, place }))
}
