import { BINARY, freePort } from './binary.ts'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

const MARK = '=== end of a command ==='

/** A shell in a folder with nothing but the executable, into which commands of the manual are pasted one after
 * another. The gateway that they start listens on a free port of this machine. */
export const shellIn = async (folder: string) => {
  symlinkSync(BINARY, join(folder, 'secure-lock-server'))
  const port = String(await freePort())
  const shell = Bun.spawn(['sh'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], NO_PROXY: '*', HOST: '127.0.0.1', PORT: port },
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const words = new Response(shell.stderr).text()
  const output = shell.stdout.pipeThrough(new TextDecoderStream()).getReader()
  let read = ''
  return {
    /** Pastes a command, and returns what it prints until it ends. */
    paste: async (command: string): Promise<string> => {
      const here = command.replaceAll('localhost:8080', `127.0.0.1:${port}`)
      await shell.stdin.write(`${here}\necho '${MARK}'\n`)
      await shell.stdin.flush()
      while (!read.includes(MARK)) {
        const { value, done } = await output.read()
        if (done) throw new Error(`the shell ended: ${await words}`)
        read += value
      }
      const [answer = '', ...rest] = read.split(`${MARK}\n`)
      read = rest.join('')
      return answer.trim()
    },
    [Symbol.asyncDispose]: async (): Promise<void> => {
      // Both have left the folder before the caller removes it.
      await shell.stdin.write('kill "$CONTROLLER" "$GATEWAY" 2>/dev/null\nwait\nexit\n')
      await shell.stdin.end()
      await shell.exited
    },
  }
}
