# Completion for fish. The words come from the program itself, so they always match its version.
function __secure_lock_server_words
    set -l words (commandline -opc)
    set -l typed (string join \n -- (commandline -ct) $words | string collect)
    for line in ($words[1] completion words $typed 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :folders
                __fish_complete_directories (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c secure-lock-server -f -a '(__secure_lock_server_words)'
