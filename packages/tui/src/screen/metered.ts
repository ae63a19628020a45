// SPDX-License-Identifier: Apache-2.0

/** The terminal, with `onBytes` told of every write how many bytes it was. */
export function metered(terminal: NodeJS.WriteStream, onBytes: (bytes: number) => void): NodeJS.WriteStream {
  return new Proxy(terminal, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      if (name !== 'write') return member.bind(target) as unknown
      return (chunk: string | Uint8Array, ...rest: []): boolean => {
        onBytes(typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.byteLength)
        return target.write(chunk, ...rest)
      }
    },
  })
}
