keep;
}
nonsense "a" $;
