import * as vscode from 'vscode';

const SCHEME = 'xenoscope-folder';

interface Description {
  readonly folder: boolean;
  readonly size: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** Development only: the folder that `npm start` opens, over HTTP (the other end is workspace-files.ts). */
export function activate(context: vscode.ExtensionContext): void {
  const files = new FolderOverHttp(vscode.Uri.joinPath(context.extensionUri, '..', SCHEME));
  context.subscriptions.push(vscode.workspace.registerFileSystemProvider(SCHEME, files, { isCaseSensitive: true }));
}

/**
 * Milliseconds that answers about the workbench's own settings are good for: an F5 makes it ask some fifty times for the
 * four files in .vscode, one request at a time.
 */
const SETTINGS_LIFETIME = 250;

/** An answer whose body can be read more than once. */
interface Answer {
  readonly status: number;
  readonly body: ArrayBuffer;
}

class FolderOverHttp implements vscode.FileSystemProvider {
  private readonly changed = new vscode.EventEmitter<vscode.FileChangeEvent[]>();
  readonly onDidChangeFile = this.changed.event;

  constructor(private readonly server: vscode.Uri) {}

  watch(): vscode.Disposable {
    return new vscode.Disposable(() => undefined);
  }

  /** Recent answers about files in .vscode, by address. */
  private readonly recent = new Map<string, { readonly until: number; readonly answer: Promise<Answer> }>();

  async stat(uri: vscode.Uri): Promise<vscode.FileStat> {
    const { folder, size, mtime, ctime } = json<Description>(await this.send(uri, 'GET', 'stat'));
    return { type: folder ? vscode.FileType.Directory : vscode.FileType.File, size, mtime, ctime };
  }

  async readDirectory(uri: vscode.Uri): Promise<[string, vscode.FileType][]> {
    const entries = json<readonly (readonly [string, boolean])[]>(await this.send(uri, 'GET', 'list'));
    return entries.map(([name, isFolder]) => [name, isFolder ? vscode.FileType.Directory : vscode.FileType.File]);
  }

  async readFile(uri: vscode.Uri): Promise<Uint8Array> {
    return new Uint8Array((await this.send(uri, 'GET')).body.slice(0));
  }

  async createDirectory(uri: vscode.Uri): Promise<void> {
    await this.send(uri, 'PUT', 'folder');
    this.tell(vscode.FileChangeType.Created, uri);
  }

  async writeFile(uri: vscode.Uri, contents: Uint8Array): Promise<void> {
    await this.send(uri, 'PUT', '', contents);
    this.tell(vscode.FileChangeType.Changed, uri);
  }

  async delete(uri: vscode.Uri): Promise<void> {
    await this.send(uri, 'DELETE');
    this.tell(vscode.FileChangeType.Deleted, uri);
  }

  async rename(from: vscode.Uri, to: vscode.Uri): Promise<void> {
    await this.send(from, 'POST', `rename=${encodeURIComponent(below(to))}`);
    this.tell(vscode.FileChangeType.Deleted, from);
    this.tell(vscode.FileChangeType.Created, to);
  }

  private tell(type: vscode.FileChangeType, uri: vscode.Uri): void {
    this.changed.fire([{ type, uri }]);
  }

  private async send(uri: vscode.Uri, method: string, query = '', body?: Uint8Array): Promise<Answer> {
    const path = `${this.server.toString(true)}/${below(uri).split('/').map(encodeURIComponent).join('/')}`;
    const address = query === '' ? path : `${path}?${query}`;
    if (method !== 'GET') this.recent.clear();
    const isSetting = method === 'GET' && below(uri).startsWith('.vscode/');
    const answer = await (isSetting ? this.askForSetting(address) : ask(address, method, body));
    if (answer.status === 404) throw vscode.FileSystemError.FileNotFound(uri);
    if (answer.status >= 400) throw new vscode.FileSystemError(`${uri.path}: ${new TextDecoder().decode(answer.body)}`);
    return answer;
  }

  private askForSetting(address: string): Promise<Answer> {
    const known = this.recent.get(address);
    if (known !== undefined && known.until > performance.now()) return known.answer;
    const answer = ask(address, 'GET');
    this.recent.set(address, { until: performance.now() + SETTINGS_LIFETIME, answer });
    return answer;
  }
}

async function ask(address: string, method: string, body?: Uint8Array): Promise<Answer> {
  const response = await fetch(address, {
    method,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  });
  return { status: response.status, body: await response.arrayBuffer() };
}

function json<T>({ body }: Answer): T {
  return JSON.parse(new TextDecoder().decode(body)) as T;
}

/** Path below the opened folder, whose own name is the first part. */
function below(uri: vscode.Uri): string {
  return uri.path.split('/').slice(2).join('/');
}
