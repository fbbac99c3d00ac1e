# Behind `--` stands another command with its arguments.
function __vouch_command_is_near
    contains -- -- (commandline -opc)
end

function __vouch_complete_command
    set -l tokens (commandline -opc)
    set -l at (contains -i -- -- $tokens)
    set -l command (string escape -- $tokens[(math $at + 1)..-1]) (commandline -ct)
    complete -C (string join ' ' -- $command)
end

complete -c vouch -n __vouch_command_is_near -fa '(__vouch_complete_command)'

# `run` may be left out.
function __vouch_runs_by_default
    set -l tokens (commandline -opc) (commandline -ct)
    not __vouch_command_is_near; and string match -q -- '-*' $tokens[2]
end

