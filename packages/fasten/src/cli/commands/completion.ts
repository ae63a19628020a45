// SPDX-License-Identifier: Apache-2.0
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'

export const name = 'completion'
export const summary = 'print the completion script of a shell'
export const words = [
  { name: 'shell', summary: 'bash, zsh or fish', isRequired: true, choices: ['bash', 'zsh', 'fish'] },
]
export const options: readonly OptionSpec[] = []

export const examples = [
  ['fasten completion bash > ~/.local/share/bash-completion/completions/fasten', 'bash'],
  ['fasten completion zsh > "${fpath[1]}/_fasten"', 'zsh'],
  ['fasten completion fish > ~/.config/fish/completions/fasten.fish', 'fish'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const [{ commandTable }, { completion, shells }] = await Promise.all([
    import('../command-table.ts'),
    import('../completion.ts'),
  ])
  const commands = await Promise.all(Object.values(commandTable).map((load) => load()))
  const shell = shells.find((each) => each === args.words[0])
  if (shell === undefined) throw new TypeError('the parser lets no other shell through')
  await world.out.write(completion(shell, commands))
  return exitCodes.ok
}
