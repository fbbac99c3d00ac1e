    # Behind `--` stands another command with its arguments.
    local -i vouch_word
    for ((vouch_word = 1; vouch_word < COMP_CWORD; vouch_word++)); do
        [[ ${COMP_WORDS[vouch_word]} == -- ]] || continue
        if declare -F _comp_command_offset >/dev/null; then
            _comp_command_offset $((vouch_word + 1))
        elif declare -F _command_offset >/dev/null; then
            _command_offset $((vouch_word + 1))
        elif ((COMP_CWORD == vouch_word + 1)); then
            mapfile -t COMPREPLY < <(compgen -A command -- "${COMP_WORDS[COMP_CWORD]}")
        else
            mapfile -t COMPREPLY < <(compgen -A file -- "${COMP_WORDS[COMP_CWORD]}")
        fi
        return
    done
    # `run` may be left out.
    case ${COMP_WORDS[1]} in
    -h | --help | --version) ;;
    -*)
        COMP_WORDS=("${COMP_WORDS[0]}" run "${COMP_WORDS[@]:1}")
        ((COMP_CWORD += 1))
        ;;
    esac
